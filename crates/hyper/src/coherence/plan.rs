//! [`plan`] and [`keeps`]: what a home does with a request, and a holder with an order. The protocol's table.

use std::fmt::Write as _;

use super::Held;

/// How a page stands at its home, seen from who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Busy,
    Dormant,
    OwnedByAsker,
    OwnedByOther,
    OwnedMigratory,
    SharedByAsker,
    SharedWithAsker,
    SharedByOthers,
    Lost,
}

/// What a home is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Request {
    Read,
    Write,
    Give,
}

/// What a home does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Wait,
    Zero,
    Repeat,
    Share,
    Move,
    Fetch,
    Drop,
    Ignore,
    TellLost,
}

/// What a home, or who it forwards to, orders a holder to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    ForwardToRead,
    ForwardToWrite,
    Invalidate,
}

/// What a home does with a request.
pub(super) const fn plan(seen: Seen, request: Request) -> Plan {
    match (seen, request) {
        (Seen::Busy, _) => Plan::Wait,
        (Seen::Dormant, Request::Read | Request::Write) => Plan::Zero,
        (Seen::Lost, Request::Read | Request::Write) => Plan::TellLost,
        (Seen::OwnedByAsker, Request::Read | Request::Write)
        | (Seen::SharedByAsker | Seen::SharedWithAsker, Request::Read) => Plan::Repeat,
        (Seen::OwnedByOther | Seen::SharedByOthers, Request::Read) => Plan::Share,
        (Seen::OwnedMigratory, Request::Read)
        | (
            Seen::OwnedByOther
            | Seen::OwnedMigratory
            | Seen::SharedByAsker
            | Seen::SharedWithAsker
            | Seen::SharedByOthers,
            Request::Write,
        ) => Plan::Move,
        (Seen::OwnedByAsker | Seen::SharedByAsker, Request::Give) => Plan::Fetch,
        (Seen::SharedWithAsker, Request::Give) => Plan::Drop,
        (
            Seen::Dormant | Seen::Lost | Seen::OwnedByOther | Seen::OwnedMigratory | Seen::SharedByOthers,
            Request::Give,
        ) => Plan::Ignore,
    }
}

/// What a holder is left with after an order; `None` if no home would order that.
pub(super) const fn keeps(held: Held, order: Order) -> Option<Held> {
    match (held, order) {
        (Held::Nothing, _) | (Held::Write, Order::Invalidate) => None,
        (Held::Read | Held::Write, Order::ForwardToRead) => Some(Held::Read),
        (Held::Read | Held::Write, Order::ForwardToWrite) | (Held::Read, Order::Invalidate) => {
            Some(Held::Nothing)
        }
    }
}

impl Seen {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Busy, "busy"),
        (Self::Dormant, "dormant"),
        (Self::OwnedByAsker, "owned by the asker"),
        (Self::OwnedByOther, "owned by another"),
        (Self::OwnedMigratory, "owned by another, migratory"),
        (Self::SharedByAsker, "shared by the asker alone"),
        (Self::SharedWithAsker, "shared by the asker and others"),
        (Self::SharedByOthers, "shared by others"),
        (Self::Lost, "lost"),
    ];
}

impl Plan {
    const fn says(self) -> &'static str {
        match self {
            Self::Wait => "waits its turn",
            Self::Zero => "grants zeroes for writing → owned",
            Self::Repeat => "grants again what is held",
            Self::Share => "lets a holder grant it for reading → shared",
            Self::Move => "invalidates the others, grants it for writing → owned",
            Self::Fetch => "wants it itself, for writing",
            Self::Drop => "invalidates the giver → shared by the others",
            Self::Ignore => "nothing: it was given already",
            Self::TellLost => "says that it is lost",
        }
    }
}

/// What homes and holders do, as tables in Markdown: made of the functions that decide it.
#[must_use]
pub fn transitions() -> String {
    let mut table =
        String::from("| at the home | wanted to read | wanted to write | given back |\n|---|---|---|---|\n");
    for (seen, name) in Seen::ALL {
        let [read, write, give] =
            [Request::Read, Request::Write, Request::Give].map(|request| plan(seen, request).says());
        writeln!(table, "| {name} | {read} | {write} | {give} |").expect("a string takes all");
    }
    table.push_str(
        "\n| at a holder | forward, to read | forward, to write | invalidate |\n|---|---|---|---|\n",
    );
    for (held, name) in [(Held::Nothing, "nothing"), (Held::Read, "read"), (Held::Write, "write")] {
        let [read, write, invalidate] =
            [Order::ForwardToRead, Order::ForwardToWrite, Order::Invalidate].map(|order| {
                match keeps(held, order) {
                    None => "refused",
                    Some(Held::Nothing) => "→ nothing",
                    Some(_) => "→ read",
                }
            });
        writeln!(table, "| {name} | {read} | {write} | {invalidate} |").expect("a string takes all");
    }
    table
}
