//! Opening files.

use crate::Errno;
use crate::api::handle;
use crate::luau::{Call, Stop};
use crate::machine::{Machine, Object};
use crate::os::{Device, OpenOptions, Opened};

use super::{LOOKUP_SAFEPOINTS, ask};

pub(in crate::api) fn open(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let mode = call.optional(2, Call::text)?.unwrap_or("r".into());
    let options = OpenOptions::parse(&mode).ok_or_else(|| {
        Stop::raise("a mode is \"r\", \"w\" or \"a\", with \"+\", \"x\" or \"b\" behind it")
    })?;
    call.spend(LOOKUP_SAFEPOINTS);
    machine.look_at_network(path)?;
    let description = match ask(machine, |files, caller| files.open(caller, path, options))? {
        Opened::File(file) => machine.describe(Object::File(file))?,
        // One more name for what the process has already.
        Opened::Device(Device::Descriptor(number), _) => {
            machine.description_of(machine.current.pid, number).ok_or(Errno::NotFound)?
        }
        Opened::Device(Device::Tty, _) => machine.describe_console()?,
        Opened::Device(device, _) => machine.describe(Object::Device(device))?,
    };
    handle::give(call, machine, description)
}
