//! Machines of which one in a hundred does something in each window.

use ironloom_core::Duration;

/// A sixtieth of a second.
pub(crate) const WINDOW: Duration = Duration::from_nanos(16_666_667);

/// Each machine is active in one window of a hundred: it counts, and writes down what it counted.
pub(crate) const TICKING: &str = "
    os.sleep(math.random(0, 99) / 60)
    local count, line = 0, ''
    while true do
        count += 1
        line = `turn {count}`
        os.sleep(100 / 60)
    end";
