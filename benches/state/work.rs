//! [`Work`]: what the transactions of the benches do.

use ironloom_state::{Context, Failure, Processor, Value};

/// What a transaction does to each resource that it declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing at all.
    Nothing,
    /// Reads a counter of eight bytes and writes it, increased by one.
    Count,
    /// The same, after so many rounds of arithmetic.
    Spin(u64),
}

impl Work {
    /// What a resource holds afterwards; `None` if it is left alone.
    pub(crate) fn on(self, value: Option<&Value>) -> Option<Value> {
        match self {
            Self::Nothing => return None,
            Self::Count => {}
            Self::Spin(rounds) => spin(rounds),
        }
        let count = value.and_then(|value| value.as_ref().try_into().ok()).map_or(0, u64::from_le_bytes);
        Some(Value::from((count + 1).to_le_bytes()))
    }
}

/// Work in registers that a compiler cannot shorten.
pub(crate) fn spin(rounds: u64) {
    let mut value = rounds;
    for _ in 0..rounds {
        value = (value ^ (value >> 31)).wrapping_mul(6_364_136_223_846_793_005);
    }
    std::hint::black_box(value);
}

impl Processor for Work {
    /// The number of the transaction, which makes its batch one of its own.
    type Payload = u64;

    fn execute(&self, context: &mut Context<'_>, _: &u64) -> Result<(), Failure> {
        let count = context.accesses().len();
        for index in 0..count {
            let access = context.accesses().nth(index).expect("there are so many");
            if let Some(value) = self.on(context.read(access.resource)?) {
                context.write(access.resource, value)?;
            }
        }
        Ok(())
    }
}
