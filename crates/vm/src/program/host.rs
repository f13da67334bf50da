//! [`Host`]: whom the functions of a program work for.

use ironloom_blob::BlobId;
use ironloom_core::Rng;
use ironloom_state::{Access, AccessError, AccessKind, Context, Failure, ResourceId, Value};

use super::{Config, Invocation};
use crate::luau::{Call, Function, Kind, Stop};

/// The functions of `resource`.
pub(super) const RESOURCE: &[Function<Host>] = &[
    Function::new(c"count", count),
    Function::new(c"id", id),
    Function::new(c"read", read),
    Function::new(c"write", write),
    Function::new(c"remove", remove),
    Function::new(c"hash", hash),
];

/// Functions that have no table.
pub(super) const GLOBALS: &[Function<Host>] =
    &[Function::new(c"emit", emit), Function::new(c"budget", budget)];

/// A transaction while its program runs: a copy of what it may see, to which what it writes goes.
#[derive(Debug)]
pub(super) struct Host {
    named: Vec<ResourceId>,
    declared: Vec<Declared>,
    events: Vec<Vec<u8>>,
    pub(super) rng: Rng,
    /// What was spent beside the safepoints.
    pub(super) spent: u64,
    granted: u64,
    unit_bytes: u64,
    /// How many bytes may still be kept for the program beside its own memory.
    room: usize,
    /// Why the program was ended.
    pub(super) failure: Option<Failure>,
}

/// One resource that the transaction declared.
#[derive(Debug)]
struct Declared {
    access: Access,
    value: Option<Value>,
    is_written: bool,
}

impl Host {
    /// What a transaction may see.
    pub(super) fn new(
        context: &Context<'_>,
        invocation: &Invocation,
        config: &Config,
    ) -> Result<Self, Failure> {
        let declared = context.accesses().map(|access| {
            let value = context.read(access.resource)?.cloned();
            Ok(Declared { access, value, is_written: false })
        });
        Ok(Self {
            named: invocation.resources.clone(),
            declared: declared.collect::<Result<_, Failure>>()?,
            events: Vec::new(),
            rng: Rng::new(invocation.seed),
            spent: 0,
            granted: context.remaining(),
            unit_bytes: config.unit_bytes.max(1),
            room: config.memory_bytes_max,
            failure: None,
        })
    }

    /// Writes what the program wrote, and says what it said.
    pub(super) fn apply(self, context: &mut Context<'_>) -> Result<(), Failure> {
        for Declared { access, value, .. } in self.declared.into_iter().filter(|declared| declared.is_written)
        {
            match value {
                Some(value) => context.write(access.resource, value)?,
                None => context.remove(access.resource)?,
            }
        }
        self.events.into_iter().try_for_each(|event| context.emit(event))
    }

    /// Accounts for bytes that cross between the program and the host.
    fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        self.spent = self.spent.saturating_add(1 + bytes as u64 / self.unit_bytes);
        if self.spent > self.granted { Err(Stop::End) } else { Ok(()) }
    }

    /// Accounts for bytes that are kept until the program has ended.
    fn keep(&mut self, bytes: usize) -> Result<(), Stop> {
        self.spend(bytes)?;
        let kept = bytes.saturating_add(32);
        self.room = self.room.checked_sub(kept).ok_or_else(|| self.end(Failure::refused("out of memory")))?;
        Ok(())
    }

    /// Ends the program, which cannot catch that.
    fn end(&mut self, failure: impl Into<Failure>) -> Stop {
        self.failure.get_or_insert(failure.into());
        Stop::End
    }

    /// The id that a program means by a place or the id itself.
    fn resource(&mut self, call: &Call<'_>) -> Result<ResourceId, Stop> {
        if call.kind(1) == Kind::String {
            let id =
                call.bytes(1)?.try_into().map_err(|_| Stop::raise("an id of a resource has 32 bytes"))?;
            return Ok(ResourceId::from_bytes(id));
        }
        let place = call.integer(1)?;
        let index = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        let named = index.and_then(|index| self.named.get(index)).copied();
        named.ok_or_else(|| Stop::raise(format!("the transaction names no resource {place}")))
    }

    fn declared(&mut self, call: &Call<'_>) -> Result<&mut Declared, Stop> {
        let resource = self.resource(call)?;
        match self.declared.binary_search_by_key(&resource, |declared| declared.access.resource) {
            Ok(index) => Ok(&mut self.declared[index]),
            Err(_) => Err(self.end(AccessError::Undeclared { resource })),
        }
    }

    /// Gives a resource another value.
    fn change(&mut self, call: &Call<'_>, value: Option<Value>) -> Result<u32, Stop> {
        let Declared { access, .. } = *self.declared(call)?;
        if access.kind != AccessKind::Write {
            return Err(self.end(AccessError::ReadOnly { resource: access.resource }));
        }
        let declared = self.declared(call)?;
        declared.value = value;
        declared.is_written = true;
        Ok(0)
    }
}

fn count(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    Ok(call.give(host.named.len()))
}

fn id(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let resource = host.resource(call)?;
    Ok(call.give(&resource.as_bytes()[..]))
}

fn read(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let length = host.declared(call)?.value.as_ref().map_or(0, |value| value.as_ref().len());
    host.spend(length)?;
    let value = host.declared(call)?.value.clone();
    Ok(call.give(value.as_ref().map(AsRef::as_ref)))
}

fn write(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let bytes = call.bytes(2)?;
    host.keep(bytes.len())?;
    host.change(call, Some(Value::new(bytes)))
}

fn remove(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    host.spend(0)?;
    host.change(call, None)
}

fn hash(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let bytes = call.bytes(1)?;
    host.spend(bytes.len())?;
    Ok(call.give(&BlobId::of(bytes).as_bytes()[..]))
}

fn emit(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let event = call.bytes(1)?;
    host.keep(event.len())?;
    host.events.push(event.to_vec());
    Ok(0)
}

fn budget(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    Ok(call.give(host.granted))
}
