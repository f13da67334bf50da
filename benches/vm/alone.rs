//! Measuring in a process of one's own: what another case has given back would be used again.

/// The argument that has a process measure one case and say what it found.
const ALONE: &str = "--alone";

/// The case that this process was started for, if it was.
pub(crate) fn case() -> Option<String> {
    std::env::args().skip_while(|argument| argument != ALONE).nth(1)
}

/// Says what was found.
pub(crate) fn say(found: &[f64]) {
    let words: Vec<String> = found.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}

/// What a process of its own finds out about a case.
pub(crate) fn measure(case: &str) -> Vec<f64> {
    let this = std::env::current_exe().expect("this is a program");
    let output = std::process::Command::new(this).args([ALONE, case]).output().expect("it runs again");
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|word| word.parse().expect("it says numbers")).collect()
}

/// How many bytes of this process are in memory.
pub(crate) fn held() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let resident = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    resident.expect("there are numbers in it") * 4_096.0
}
