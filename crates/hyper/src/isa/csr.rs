//! Numbers and names of the control and status registers.

use std::fmt;

macro_rules! csrs {
    ($($name:ident = $number:literal $text:literal)*) => {
        $(#[doc = concat!("`", $text, "`")] pub const $name: u16 = $number;)*

        const NAMED: &[(u16, &str)] = &[$(($number, $text)),*];
    };
}

csrs! {
    FFLAGS = 0x001 "fflags"
    FRM = 0x002 "frm"
    FCSR = 0x003 "fcsr"
    CYCLE = 0xc00 "cycle"
    TIME = 0xc01 "time"
    INSTRET = 0xc02 "instret"
    HPMCOUNTER31 = 0xc1f "hpmcounter31"

    SSTATUS = 0x100 "sstatus"
    SIE = 0x104 "sie"
    STVEC = 0x105 "stvec"
    SCOUNTEREN = 0x106 "scounteren"
    SENVCFG = 0x10a "senvcfg"
    SSCRATCH = 0x140 "sscratch"
    SEPC = 0x141 "sepc"
    SCAUSE = 0x142 "scause"
    STVAL = 0x143 "stval"
    SIP = 0x144 "sip"
    STIMECMP = 0x14d "stimecmp"
    SATP = 0x180 "satp"
    SCONTEXT = 0x5a8 "scontext"

    MSTATUS = 0x300 "mstatus"
    MISA = 0x301 "misa"
    MEDELEG = 0x302 "medeleg"
    MIDELEG = 0x303 "mideleg"
    MIE = 0x304 "mie"
    MTVEC = 0x305 "mtvec"
    MCOUNTEREN = 0x306 "mcounteren"
    MENVCFG = 0x30a "menvcfg"
    MCOUNTINHIBIT = 0x320 "mcountinhibit"
    MSCRATCH = 0x340 "mscratch"
    MEPC = 0x341 "mepc"
    MCAUSE = 0x342 "mcause"
    MTVAL = 0x343 "mtval"
    MIP = 0x344 "mip"
    MTINST = 0x34a "mtinst"
    MTVAL2 = 0x34b "mtval2"
    PMPCFG0 = 0x3a0 "pmpcfg0"
    PMPADDR0 = 0x3b0 "pmpaddr0"
    MSECCFG = 0x747 "mseccfg"
    TSELECT = 0x7a0 "tselect"
    TDATA1 = 0x7a1 "tdata1"
    TDATA2 = 0x7a2 "tdata2"
    TDATA3 = 0x7a3 "tdata3"
    TINFO = 0x7a4 "tinfo"
    TCONTROL = 0x7a5 "tcontrol"
    MCONTEXT = 0x7a8 "mcontext"
    DCSR = 0x7b0 "dcsr"
    DPC = 0x7b1 "dpc"
    DSCRATCH0 = 0x7b2 "dscratch0"
    DSCRATCH1 = 0x7b3 "dscratch1"
    MCYCLE = 0xb00 "mcycle"
    MINSTRET = 0xb02 "minstret"
    MHPMCOUNTER3 = 0xb03 "mhpmcounter3"
    MVENDORID = 0xf11 "mvendorid"
    MARCHID = 0xf12 "marchid"
    MIMPID = 0xf13 "mimpid"
    MHARTID = 0xf14 "mhartid"
    MCONFIGPTR = 0xf15 "mconfigptr"
}

/// Families of registers: the number of the first, its index, how many, and their name before the index.
const FAMILIES: &[(u16, u16, u16, &str)] = &[
    (0x3a0, 0, 16, "pmpcfg"),
    (0x3b0, 0, 64, "pmpaddr"),
    (0x323, 3, 29, "mhpmevent"),
    (0xb03, 3, 29, "mhpmcounter"),
    (0xc03, 3, 29, "hpmcounter"),
];

/// `pmpcfg<index>`, of which RV64 has the even ones.
#[must_use]
pub const fn pmpcfg(index: u16) -> u16 {
    PMPCFG0 + index % 16
}

/// `pmpaddr<index>`.
#[must_use]
pub const fn pmpaddr(index: u16) -> u16 {
    PMPADDR0 + index % 64
}

/// `mhpmcounter<index>`, from 3 to 31.
#[must_use]
pub const fn mhpmcounter(index: u16) -> u16 {
    MCYCLE + index % 32
}

/// `mhpmevent<index>`, from 3 to 31.
#[must_use]
pub const fn mhpmevent(index: u16) -> u16 {
    MCOUNTINHIBIT + index % 32
}

/// `hpmcounter<index>`, from 3 to 31.
#[must_use]
pub const fn hpmcounter(index: u16) -> u16 {
    CYCLE + index % 32
}

/// The name of a register, or its number in hexadecimal if it has none here, as it is displayed.
///
/// ```
/// use ironloom_hyper::isa::csr;
///
/// assert_eq!(csr::Name(csr::MSTATUS).to_string(), "mstatus");
/// assert_eq!(csr::Name(csr::pmpaddr(7)).to_string(), "pmpaddr7");
/// assert_eq!(csr::Name(0x7c0).to_string(), "0x7c0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(
    /// The number of the register.
    pub u16,
);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (first, index, count, name) in FAMILIES {
            if (*first..first + count).contains(&self.0) {
                return write!(f, "{name}{}", index + self.0 - first);
            }
        }
        match NAMED.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}
