//! A ledger on disk: a million transfers between 100,000 accounts, executed in parallel, half of them taken back and
//! made again.
//!
//! `cargo run --release --example ledger`

use std::error::Error;

use ironloom_node::core::{Clock, Rng, Seed, WallClock, Zipf};
use ironloom_node::state::{
    Access, Batch, BatchId, Config, Context, Failure, FjallConfig, FjallStore, Processor, ResourceId, Root,
    Snapshot, State,
};

const ACCOUNTS: u64 = 100_000;
const OPENING_BALANCE: u64 = 100;
const BATCHES: u64 = 1_000;
const TRANSFERS: u64 = 1_000;
const SHOWN_EACH: u64 = 100;

/// A payment from one account to another; without a payer, it opens the account.
type Transfer = (Option<ResourceId>, ResourceId, u64);

/// Moves money, and never more than there is.
struct Ledger;

impl Processor for Ledger {
    type Payload = Transfer;

    fn execute(&self, context: &mut Context<'_>, (payer, payee, amount): &Transfer) -> Result<(), Failure> {
        if let Some(payer) = payer {
            let balance = balance(context, *payer)?;
            let left = balance.checked_sub(*amount).ok_or_else(|| Failure::refused("overdraft"))?;
            context.write(*payer, left.to_le_bytes())?;
        }
        let sum = balance(context, *payee)? + amount;
        context.write(*payee, sum.to_le_bytes())
    }
}

fn balance(context: &Context<'_>, account: ResourceId) -> Result<u64, Failure> {
    Ok(context.read(account)?.map_or(0, |value| number(value)))
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("a balance has eight bytes"))
}

/// Opens all accounts.
fn opening() -> Result<Batch<Transfer>, Box<dyn Error>> {
    let mut batch = Batch::new("opening");
    for account in (0..ACCOUNTS).map(ResourceId::numbered) {
        batch.push(&[Access::write(account)], (None, account, OPENING_BALANCE))?;
    }
    Ok(batch)
}

/// The transfers of a day: a few accounts pay and are paid much more often than most. The same each time it is asked.
fn day(number: u64) -> Result<Batch<Transfer>, Box<dyn Error>> {
    let (mut rng, popular) = (Rng::new(Seed::new(7)).split("day", number), Zipf::new(ACCOUNTS, 0.7));
    let mut batch = Batch::new(format!("day {number}"));
    for _ in 0..TRANSFERS {
        let (from, to) = (popular.sample(&mut rng), popular.sample(&mut rng));
        let to = if from == to { (to + 1) % ACCOUNTS } else { to };
        let [from, to] = [from, to].map(ResourceId::numbered);
        batch.push(&[Access::write(from), Access::write(to)], (Some(from), to, 1 + rng.below(60)))?;
    }
    Ok(batch)
}

/// Submits some days and shows how it goes: the id of the last one, and how many transfers were refused.
fn run(state: &State<Ledger>, days: std::ops::Range<u64>) -> Result<(BatchId, usize), Box<dyn Error>> {
    let clock = WallClock::start();
    let (mut refused, mut shown, mut waiting) = (0, 0, Vec::new());
    for number in days {
        waiting.push(state.submit(day(number)?)?);
        if (number + 1) % SHOWN_EACH > 0 {
            continue;
        }
        let richest = richest(&state.snapshot())?; // a moment between two batches, while others are committed
        for submission in waiting.drain(..) {
            submission.wait_committed()?;
            refused += submission.receipts()?.iter().filter(|receipt| !receipt.is_applied()).count();
        }
        let now = clock.now().as_nanos();
        let rate = SHOWN_EACH * TRANSFERS * 1_000_000_000 / (now - shown).max(1);
        shown = now;
        println!(
            "  day {:>4}  {rate:>7} transfers/s  {refused:>6} refused  richest {richest:>5}",
            number + 1
        );
    }
    Ok((state.tip(), refused))
}

fn richest(snapshot: &Snapshot) -> Result<u64, Box<dyn Error>> {
    let popular = (0..100).map(|account| snapshot.get(ResourceId::numbered(account)));
    let balances: Vec<u64> = popular
        .map(|found| Ok(found?.map_or(0, |value| number(&value))))
        .collect::<Result<_, Box<dyn Error>>>()?;
    Ok(balances.into_iter().max().unwrap_or_default())
}

fn total(snapshot: &Snapshot) -> Result<u64, Box<dyn Error>> {
    snapshot.iter().try_fold(0, |sum, found| Ok(sum + number(&found?.1)))
}

fn root(state: &State<Ledger>, batch: BatchId) -> Result<Root, Box<dyn Error>> {
    Ok(state.wait_root(batch)?.ok_or("roots are kept")?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("ironloom-ledger-{}", std::process::id()));
    let state =
        State::open(FjallStore::open(&directory, FjallConfig::default())?, Ledger, Config::default())?;
    state.submit(opening()?)?.wait_committed()?;
    println!("{ACCOUNTS} accounts with {OPENING_BALANCE} each. {BATCHES} days of {TRANSFERS} transfers:\n");

    let (middle, _) = run(&state, 0..BATCHES / 2)?;
    let at_middle = state.snapshot_at(middle)?; // read below, after all that comes
    let (end, refused) = run(&state, BATCHES / 2..BATCHES)?;
    let (middle_root, end_root) = (root(&state, middle)?, root(&state, end)?);
    println!("\n  {refused} of the second half were refused as overdrafts: the receipts say so.");
    println!("  Money in the middle {}, at the end {}.", total(&at_middle)?, total(&state.snapshot())?);
    println!("  Root in the middle  {middle_root}, at the end {end_root}.");

    println!("\nThe second half is taken back.");
    let millis = |clock: &WallClock| clock.now().as_nanos() / 1_000_000;
    let clock = WallClock::start();
    state.rollback(middle)?.wait()?;
    println!("  {} batches gone, on disk too, in {} ms.", BATCHES / 2, millis(&clock));
    assert_eq!((root(&state, middle)?, total(&state.snapshot())?), (middle_root, total(&at_middle)?));
    println!("  The root is {middle_root} again, and no money is lost.");

    println!("\nThe same batches return, and nothing is executed again.");
    let batches = (BATCHES / 2..BATCHES).map(day).collect::<Result<Vec<_>, _>>()?;
    let clock = WallClock::start();
    let mut last = None;
    for batch in batches {
        last = Some(state.submit(batch)?);
    }
    let last = last.ok_or("there are batches")?;
    last.wait_durable()?;
    assert!(last.is_restored());
    println!("  {} batches back, on disk too, in {} ms.", BATCHES / 2, millis(&clock));
    assert_eq!(root(&state, last.id())?, end_root);
    println!("  The root is {end_root} again.");
    drop((at_middle, last));
    state.close()?;
    Ok(std::fs::remove_dir_all(directory)?)
}
