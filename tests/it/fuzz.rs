//! Seeded mutations of real models and texts: reading may refuse, and never panics. Runs for `SHRINX_FUZZ_SECONDS`, one by default.

use crate::support::{FIXTURES, fixture};
use std::time::{Duration, Instant};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn budget() -> Duration {
    let seconds = std::env::var("SHRINX_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds)
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => {
                bytes.truncate(at + 1);
            }
            _ => {
                let end = (at + random.below(32)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
}

#[test]
fn mutated_models_are_read_or_refused() {
    // The head of a model holds its nodes, where almost every byte counts.
    let sources: Vec<Vec<u8>> = FIXTURES.iter().map(|f| std::fs::read(fixture(f)).unwrap()).collect();
    let (mut random, start, mut runs, mut read) = (Random(0x9e37_79b9_7f4a_7c15), Instant::now(), 0, 0);
    while start.elapsed() < budget() {
        let mut bytes = sources[random.below(sources.len())].clone();
        mutate(&mut bytes, &mut random);
        if let Ok(model) = shrinx::read_bytes(bytes) {
            read += 1;
            let registry = shrinx::standard();
            let options = shrinx::PipelineOptions { verify: shrinx::Verify::Off, ..shrinx::PipelineOptions::default() };
            let outcome = shrinx::Pipeline::new(&registry, &options).unwrap().run(model);
            let _ = shrinx::to_bytes(&outcome.model);
        }
        runs += 1;
    }
    eprintln!("{runs} mutated models, {read} of them read");
    assert!(runs > 3);
}

#[test]
fn mutated_texts_are_parsed_or_refused() {
    let sources: Vec<String> = FIXTURES
        .iter()
        .map(|f| shrinx::ir::text::print(&shrinx::read_file(&fixture(f), &shrinx::ReadOptions::default()).unwrap()))
        .collect();
    let (mut random, start, mut runs) = (Random(7), Instant::now(), 0);
    while start.elapsed() < budget() {
        let mut bytes = sources[random.below(sources.len())].clone().into_bytes();
        mutate(&mut bytes, &mut random);
        let _ = shrinx::ir::text::parse(&String::from_utf8_lossy(&bytes));
        runs += 1;
    }
    eprintln!("{runs} mutated texts");
    assert!(runs > 3);
}
