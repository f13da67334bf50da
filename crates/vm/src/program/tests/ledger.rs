//! The ledger of the examples, in Rust and in Luau.

use ironloom_core::{Rng, Seed};
use ironloom_state::{Root, Value};

use super::*;

const ACCOUNTS: u64 = 20;

type Transfer = (Option<ResourceId>, ResourceId, u64);

struct Ledger;

impl Processor for Ledger {
    type Payload = Transfer;

    fn execute(&self, context: &mut Context<'_>, (payer, payee, amount): &Transfer) -> Result<(), Failure> {
        let number = |value: &Value| u64::from_le_bytes(value.as_ref().try_into().unwrap());
        if let Some(payer) = payer {
            let balance = context.read(*payer)?.map_or(0, number);
            let left = balance.checked_sub(*amount).ok_or_else(|| Failure::refused("overdraft"))?;
            context.write(*payer, left.to_le_bytes())?;
        }
        let sum = context.read(*payee)?.map_or(0, number) + amount;
        context.write(*payee, sum.to_le_bytes())
    }
}

fn transfers(seed: u64) -> Vec<Transfer> {
    let mut rng = Rng::new(Seed::new(seed));
    let opening = (0..ACCOUNTS).map(|account| (None, resource(account), 100));
    let days = (0..500).map(|_| {
        let from = rng.below(ACCOUNTS);
        let to = (from + 1 + rng.below(ACCOUNTS - 1)) % ACCOUNTS;
        (Some(resource(from)), resource(to), rng.below(200))
    });
    opening.chain(days).collect()
}

/// The root in the end, and which transfers were refused for what.
fn run<P: Processor>(
    rules: P,
    seed: u64,
    workers: usize,
    payload: impl Fn(Transfer) -> P::Payload,
) -> (Root, Vec<Result<(), Failure>>) {
    let config = ironloom_state::Config { workers, ..ironloom_state::Config::default() };
    let state = State::open(ironloom_state::MemoryStore::default(), rules, config).unwrap();
    let mut batch = Batch::new("all");
    for (payer, payee, amount) in transfers(seed) {
        let accesses: Vec<Access> = payer.into_iter().chain([payee]).map(Access::write).collect();
        batch.push(&accesses, payload((payer, payee, amount))).unwrap();
    }
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    let outcomes = submission.receipts().unwrap().iter().map(|receipt| receipt.outcome.clone()).collect();
    let root = state.wait_root(submission.id()).unwrap().unwrap();
    drop(submission);
    state.close().unwrap();
    (root, outcomes)
}

#[test]
fn the_ledger_in_luau_has_the_root_of_the_ledger_in_rust() {
    for seed in 0..3 {
        let in_rust = run(Ledger, seed, 0, |transfer| transfer);
        for workers in [0, 2] {
            let blobs = Arc::new(MemoryStore::new());
            let source = include_bytes!("../../../../../examples/ledger_luau/rules.luau");
            let program = blobs.put(source, Durability::Buffered).unwrap();
            let programs = Programs::new(blobs, Config::default());
            let in_luau = run(programs, seed, workers, |(payer, payee, amount)| {
                let resources: Vec<ResourceId> = payer.into_iter().chain([payee]).collect();
                Invocation::of(program, &resources, &[&amount.to_le_bytes()])
            });
            assert_eq!(in_rust, in_luau, "seed {seed}, {workers} workers");
        }
        assert!(in_rust.1.iter().any(Result::is_err) && in_rust.1.iter().any(Result::is_ok), "seed {seed}");
    }
}
