//! The machine that something was measured on.

use std::collections::BTreeSet;

/// Processor features that decide how fast 8 bits are, as `/proc/cpuinfo` spells them, x86-64 and AArch64.
const FLAGS: [&str; 13] = [
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
];

/// What matters of a machine.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Machine {
    /// The processor's name; empty where it cannot be read.
    pub cpu: String,
    /// Those of its features that matter here.
    pub flags: Vec<&'static str>,
    /// Processors that this process may use.
    pub cores: usize,
    /// Processes that wanted to run, averaged over the last minute.
    pub load: Option<f64>,
}

impl Machine {
    /// This machine, as far as it can be read.
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores, ..Self::of(&read("/proc/cpuinfo"), &read("/proc/loadavg")) }
    }

    fn of(cpuinfo: &str, loadavg: &str) -> Self {
        let entries = || cpuinfo.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
        let entry = |names: &[&str]| entries().find(|(key, _)| names.contains(key)).map(|(_, value)| value).unwrap_or_default();
        let has: BTreeSet<&str> = entry(&["flags", "Features"]).split_whitespace().collect();
        Self {
            cpu: entry(&["model name", "Model"]).into(),
            flags: FLAGS.into_iter().filter(|flag| has.contains(flag)).collect(),
            cores: 0,
            load: loadavg.split_whitespace().next().and_then(|load| load.parse().ok()),
        }
    }

    /// What makes figures of this machine doubtful.
    pub fn warning(&self) -> Option<String> {
        let load = self.load.filter(|load| *load > self.cores as f64)?;
        Some(format!("the load is {load:.1} on {} cores: times are those of a busy machine", self.cores))
    }

    /// The machine in one line.
    pub fn to_text(&self) -> String {
        let cpu = if self.cpu.is_empty() { "unknown processor" } else { &self.cpu };
        let flags = if self.flags.is_empty() { String::new() } else { format!(" ({})", self.flags.join(" ")) };
        let load = self.load.map_or(String::new(), |load| format!(", load {load:.2}"));
        format!("{cpu}{flags}, {} cores{load}", self.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_tells() {
        let x86 = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\nflags\t\t: fpu avx2 avx512f avx512_vnni\n\nprocessor\t: 1\n";
        let machine = Machine { cores: 2, ..Machine::of(x86, "3.50 1.00 0.50 1/99 7\n") };
        assert_eq!(machine.to_text(), "Some CPU @ 2.0GHz (avx2 avx512f avx512_vnni), 2 cores, load 3.50");
        assert_eq!(machine.warning().unwrap(), "the load is 3.5 on 2 cores: times are those of a busy machine");
        assert_eq!(Machine::of("Features : fp asimd asimddp i8mm", "").flags, ["asimd", "asimddp", "i8mm"]);
        assert_eq!(Machine { cores: 1, ..Machine::of("", "") }.to_text(), "unknown processor, 1 cores");
    }
}
