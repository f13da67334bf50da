//! The same ledger twice: its rules in Rust, and as a Luau program that is named by its content. The roots are equal.
//!
//! `cargo run --release --example ledger_luau`

use std::error::Error;
use std::sync::Arc;

use ironloom_node::blob::{self, BlobId, BlobStore, Durability};
use ironloom_node::core::{Clock, Rng, Seed, WallClock, Zipf};
use ironloom_node::state::{
    Access, Batch, Config, Context, Failure, MemoryStore, Processor, ResourceId, Root, State,
};
use ironloom_node::vm::program::{self, Invocation, Programs};

const ACCOUNTS: u64 = 10_000;
const OPENING_BALANCE: u64 = 100;
const DAYS: u64 = 100;
const TRANSFERS: u64 = 1_000;

/// The rules in Luau.
const SOURCE: &[u8] = include_bytes!("rules.luau");

/// A payment from one account to another; without a payer, it opens the account.
type Transfer = (Option<ResourceId>, ResourceId, u64);

/// The rules in Rust.
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
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a balance has eight bytes"));
    Ok(context.read(account)?.map_or(0, |value| number(value.as_ref())))
}

/// A transfer as a call of the program.
fn invocation(program: BlobId, (payer, payee, amount): Transfer) -> Invocation {
    let resources: Vec<ResourceId> = payer.into_iter().chain([payee]).collect();
    Invocation::of(program, &resources, &[&amount.to_le_bytes()])
}

/// The transfers of a day; the first day opens the accounts.
fn day(number: u64) -> Vec<Transfer> {
    let accounts = (0..ACCOUNTS).map(ResourceId::numbered);
    if number == 0 {
        return accounts.map(|account| (None, account, OPENING_BALANCE)).collect();
    }
    let (mut rng, popular) = (Rng::new(Seed::new(7)).split("day", number), Zipf::new(ACCOUNTS, 0.7));
    let mut transfer = || {
        let (from, to) = (popular.sample(&mut rng), popular.sample(&mut rng));
        let to = if from == to { (to + 1) % ACCOUNTS } else { to };
        (Some(ResourceId::numbered(from)), ResourceId::numbered(to), 1 + rng.below(60))
    };
    (0..TRANSFERS).map(|_| transfer()).collect()
}

/// Runs all days under some rules: the root in the end, and how many transfers were refused.
fn run<P: Processor>(
    rules: P,
    payload: impl Fn(Transfer) -> P::Payload,
) -> Result<(Root, usize), Box<dyn Error>> {
    let state = State::open(MemoryStore::default(), rules, Config::default())?;
    let (clock, mut waiting, mut refused) = (WallClock::start(), Vec::new(), 0);
    for number in 0..=DAYS {
        let mut batch = Batch::new(format!("day {number}"));
        for transfer in day(number) {
            let (payer, payee, _) = transfer;
            let accesses: Vec<Access> = payer.into_iter().chain([payee]).map(Access::write).collect();
            batch.push(&accesses, payload(transfer))?;
        }
        waiting.push(state.submit(batch)?);
    }
    for submission in &waiting {
        submission.wait_committed()?;
        refused += submission.receipts()?.iter().filter(|receipt| !receipt.is_applied()).count();
    }
    let rate = (ACCOUNTS + DAYS * TRANSFERS) * 1_000_000_000 / clock.now().as_nanos().max(1);
    println!("  {rate:>8} transactions/s, {refused} transfers refused");
    let root = state.wait_root(state.tip())?.ok_or("roots are kept")?;
    state.close()?;
    Ok((root, refused))
}

fn main() -> Result<(), Box<dyn Error>> {
    let blobs = Arc::new(blob::MemoryStore::new());
    let program = blobs.put(SOURCE, Durability::Buffered)?;
    println!("{ACCOUNTS} accounts, {DAYS} days of {TRANSFERS} transfers. The rules in Rust:");
    let in_rust = run(Ledger, |transfer| transfer)?;
    println!("\nThe rules in Luau, program {program}:");
    let programs = Programs::new(blobs, program::Config::default());
    let in_luau = run(programs, |transfer| invocation(program, transfer))?;
    assert_eq!(in_rust, in_luau);
    println!("\nThe root is {} both times.", in_luau.0);
    Ok(())
}
