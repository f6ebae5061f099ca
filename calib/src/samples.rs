//! Samples: what people have to run their models on.
//!
//! A folder of `.npz` files, each one run of the model with an array for each input; a folder of `.npy` files, for models with one input; ONNX test data,
//! `test_data_set_*/input_*.pb`; or one `.npz` file, whose arrays may have an axis of samples. Nothing is loaded before it is asked for, and then one sample
//! at a time.

mod axis;
mod batch;
mod fault;
mod folder;
mod npy;
mod npz;
mod select;
mod spec;

pub use fault::SampleError;
pub use spec::InputSpec;

use crate::Digest;
use axis::Archive;
use folder::Entry;
use shrinx_rewrite::{
    ir::Dim,
    ops::{Feeds, seeded_tensor},
};
use std::{collections::BTreeMap, path::Path};

/// One set of values for the inputs of a model.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where it comes from: a file's name, or that and a place in it.
    pub name: String,
    /// The hash of its name and all its values: what tells samples apart.
    pub hash: Digest,
    /// The values.
    pub feeds: Feeds,
}

/// Samples, or some of them. They stay where they are until one is loaded.
#[derive(Clone, Debug)]
pub struct Samples {
    inputs: Vec<InputSpec>,
    source: Source,
    /// Those that are meant, in order.
    chosen: Vec<usize>,
    rule: String,
}

#[derive(Clone, Debug)]
enum Source {
    /// Each file or test data set is a sample.
    Folder(Vec<Entry>),
    /// One file.
    Archive(Archive),
    /// Made up.
    Random { seed: u64 },
}

/// The length that a made-up sample has where the model leaves it open, but for the first axis, where it has one.
const OPEN_LENGTH: u64 = 64;

impl Samples {
    /// The samples at a path, for a model with these inputs. Names and shapes of a single file are checked at once, those in a folder as they are loaded.
    ///
    /// In a folder, every file is one run, taken as it is. In one `.npz` file,
    ///
    /// 1. an array with one axis more than its input has holds samples along its first axis, which is taken away; the others go into every sample as they are;
    /// 2. where no array has, and all have one and the same length above 1 along a first axis whose length the model leaves open or says is 1: each place along it
    ///    is a sample, run as a batch of 1;
    /// 3. otherwise the file is one run, taken as it is.
    ///
    /// [`Self::rule`] says which of these it was.
    pub fn open(path: &Path, inputs: &[InputSpec]) -> Result<Self, SampleError> {
        let unreadable = |e: std::io::Error| SampleError::Unreadable { file: path.display().to_string(), problem: e.to_string() };
        let is_folder = std::fs::metadata(path).map_err(unreadable)?.is_dir();
        let (source, count, rule) = if is_folder || path.extension().is_none_or(|e| e != "npz") {
            let entries = folder::entries(path)?;
            let (count, each) = (entries.len(), "is one run, taken as it is");
            let rule = if count == 1 { format!("{} {each}", entries[0].name) } else { format!("each of {count} files {each}") };
            (Source::Folder(entries), count, rule)
        } else {
            let archive = Archive::open(path, inputs)?;
            let (count, rule) = (archive.samples(), archive.rule());
            (Source::Archive(archive), count, rule)
        };
        if count == 0 {
            return Err(SampleError::Nothing { path: path.display().to_string() });
        }
        Ok(Self { inputs: inputs.to_vec(), source, chosen: (0..count).collect(), rule })
    }

    /// Made-up samples, for want of others. What was learned from them holds for them alone: whoever uses them says so.
    pub fn random(inputs: &[InputSpec], count: usize, seed: u64) -> Self {
        let rule = format!("{count} samples of RANDOM values");
        Self { inputs: inputs.to_vec(), source: Source::Random { seed }, chosen: (0..count).collect(), rule }
    }

    /// Whether they are made up.
    pub fn is_random(&self) -> bool {
        matches!(self.source, Source::Random { .. })
    }

    /// Whether they were cut from arrays, for a model that takes batches: it will see some.
    pub fn are_cut_from_batches(&self) -> bool {
        let cut = matches!(&self.source, Source::Archive(archive) if archive.samples() > 1);
        cut && self.inputs.iter().all(InputSpec::has_open_batch)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// What was taken for a sample, in a few words.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The name of a sample.
    pub fn name(&self, index: usize) -> String {
        let Some(at) = self.chosen.get(index) else { return String::new() };
        match &self.source {
            Source::Folder(entries) => entries[*at].name.clone(),
            Source::Archive(archive) => archive.name(*at),
            Source::Random { .. } => format!("random[{at}]"),
        }
    }

    /// Loads a sample, and checks it against what the model wants.
    pub fn load(&self, index: usize) -> Result<Sample, SampleError> {
        let Some(at) = self.chosen.get(index).copied() else {
            return Err(SampleError::Nothing { path: format!("sample {index} of {}", self.len()) });
        };
        let (file, feeds) = match &self.source {
            Source::Folder(entries) => (entries[at].path.display().to_string(), entries[at].load(&self.inputs)?),
            Source::Archive(archive) => (archive.file.clone(), archive.load(at)?),
            Source::Random { seed } => ("random".into(), self.made_up(seed.wrapping_add(at as u64))?),
        };
        spec::check(&file, &self.inputs, &feeds)?;
        let name = self.name(index);
        Ok(Sample { hash: hash(&name, &self.inputs, &feeds), name, feeds })
    }

    fn made_up(&self, seed: u64) -> Result<Feeds, SampleError> {
        let mut open = BTreeMap::new();
        let make = |input| {
            let made = lengths(input, &mut open).and_then(|dims| seeded_tensor(input.dtype, dims, &input.name, seed));
            let unfit = || SampleError::Unfit {
                file: "random".into(),
                input: input.name.clone(),
                problem: "has no type or shape that values could be made up for".into(),
                wants: spec::wants(&self.inputs),
            };
            Ok((input.name.clone(), made.ok_or_else(unfit)?))
        };
        self.inputs.iter().map(make).collect()
    }
}

/// Lengths for made-up values. One that the model gives a name is the same wherever it has that name.
fn lengths<'a>(input: &'a InputSpec, open: &mut BTreeMap<&'a Dim, u64>) -> Option<Vec<u64>> {
    let mut length = |(axis, dim): (usize, &'a Dim)| match dim.known() {
        Some(n) => n as u64,
        None => *open.entry(dim).or_insert(if axis == 0 { 1 } else { OPEN_LENGTH }),
    };
    Some(input.dims.as_ref()?.iter().enumerate().map(&mut length).collect())
}

fn hash(name: &str, inputs: &[InputSpec], feeds: &Feeds) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let text = |hasher: &mut blake3::Hasher, text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    text(&mut hasher, name);
    for input in inputs {
        let Some(tensor) = feeds.get(&input.name) else { continue };
        text(&mut hasher, &input.name);
        hasher.update(&tensor.dtype.code().to_le_bytes());
        hasher.update(&(tensor.rank() as u64).to_le_bytes());
        tensor.dims.iter().for_each(|d| {
            hasher.update(&d.to_le_bytes());
        });
        hasher.update(&tensor.to_bytes().unwrap_or_default());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use npy::tests::npy;
    use shrinx_rewrite::ir::{Coded, DataType, text};
    use std::{
        fs,
        io::{Cursor, Write},
        path::PathBuf,
    };
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    const MODEL: &str = "g (float[N,2] image, int64[N] length) => (float[N,2] y) { y = Relu(image) }";

    fn inputs(model: &str) -> Vec<InputSpec> {
        InputSpec::of(&text::parse(model).unwrap())
    }

    fn floats(dims: &[u64]) -> Vec<u8> {
        let count = dims.iter().product::<u64>() as u16;
        npy("<f4", false, dims, &(0..count).flat_map(|k| f32::from(k).to_le_bytes()).collect::<Vec<u8>>())
    }

    fn integers(dims: &[u64]) -> Vec<u8> {
        npy("<i8", false, dims, &vec![0; dims.iter().product::<u64>() as usize * 8])
    }

    fn archive(method: CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            zip.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let path = folder.path().to_path_buf();
        (folder, path)
    }

    fn both(method: CompressionMethod, image: &[u64], length: &[u64]) -> Vec<u8> {
        archive(method, &[("image", floats(image)), ("length", integers(length))])
    }

    /// How a single archive is understood, and its last sample.
    fn understood(method: CompressionMethod, image: &[u64], length: &[u64]) -> (usize, String, Sample) {
        let (_keep, path) = folder(&[("s.npz", both(method, image, length))]);
        let samples = Samples::open(&path.join("s.npz"), &inputs(MODEL)).unwrap();
        (samples.len(), samples.rule().to_string(), samples.load(samples.len() - 1).unwrap())
    }

    #[test]
    fn one_file_has_the_samples_that_the_rule_says() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let (count, rule, last) = understood(method, &[3, 1, 2], &[3, 1]);
            assert_eq!((count, last.name.as_str()), (3, "s.npz[2]"));
            assert_eq!(rule, "s.npz holds 3 samples, along a first axis that `image`, `length` has beside those of its input");
            assert_eq!(last.feeds.get("image").unwrap().as_f32().unwrap().as_ref(), [4.0, 5.0]);

            let (count, rule, last) = understood(method, &[3, 1, 2], &[1]);
            assert_eq!((count, last.feeds.get("length").unwrap().dims.len()), (3, 1));
            assert!(rule.ends_with("; `length` goes into each as it is"), "{rule}");

            let (count, rule, last) = understood(method, &[3, 2], &[3]);
            assert_eq!((count, &last.feeds.get("image").unwrap().dims[..]), (3, &[1, 2][..]));
            assert_eq!(rule, "s.npz holds 3 samples, along the first axis of its arrays; each is run as a batch of 1");

            let (count, rule, _) = understood(method, &[1, 2], &[1]);
            assert_eq!((count, rule.as_str()), (1, "s.npz is one run, taken as it is"));
        }
    }

    #[test]
    fn a_folder_has_a_run_in_each_file() {
        let (a, b) = (both(CompressionMethod::Stored, &[4, 2], &[4]), both(CompressionMethod::Deflated, &[1, 2], &[1]));
        let (_keep, path) = folder(&[("b.npz", b), ("a.npz", a), ("README", vec![])]);
        let samples = Samples::open(&path, &inputs(MODEL)).unwrap();
        assert_eq!((samples.len(), samples.rule()), (2, "each of 2 files is one run, taken as it is"));
        let (a, b) = (samples.load(0).unwrap(), samples.load(1).unwrap());
        assert_eq!((a.name.as_str(), &a.feeds.get("image").unwrap().dims[..]), ("a.npz", &[4, 2][..]));
        assert_ne!(a.hash, b.hash);
        assert_eq!(a.hash, samples.load(0).unwrap().hash);
    }

    #[test]
    fn single_arrays_and_test_data_are_samples() {
        let one = inputs("g (float[N,2] x) => (float[N,2] y) { y = Relu(x) }");
        let (_keep, path) = folder(&[("0.npy", floats(&[5, 2]))]);
        assert_eq!(Samples::open(&path, &one).unwrap().load(0).unwrap().feeds.get("x").unwrap().dims, [5, 2]);
        let error = Samples::open(&path, &inputs(MODEL)).unwrap().load(0).unwrap_err();
        assert!(error.to_string().ends_with("0.npy: an .npy file holds one array, and the model wants 2 inputs"), "{error}");

        // dims 1, 2; data_type 1; raw_data of 8 bytes.
        let proto = [&[0x08, 1, 0x08, 2, 0x10, 1, 0x4a, 8][..], &1.5f32.to_le_bytes(), &2.5f32.to_le_bytes()].concat();
        let (_keep, path) = folder(&[("test_data_set_0/input_0.pb", proto.clone()), ("test_data_set_0/output_0.pb", proto)]);
        let samples = Samples::open(&path, &one).unwrap();
        let sample = samples.load(0).unwrap();
        assert_eq!((samples.len(), sample.name.as_str()), (1, "test_data_set_0"));
        assert_eq!(sample.feeds.get("x").unwrap().as_f32().unwrap().as_ref(), [1.5, 2.5]);
    }

    /// What is said of an archive, beside its path, and the advice.
    fn complaint(arrays: &[(&str, Vec<u8>)]) -> (String, String) {
        let (_keep, path) = folder(&[("s.npz", archive(CompressionMethod::Stored, arrays))]);
        let open = |path: &Path| Samples::open(path, &inputs(MODEL)).and_then(|s| s.load(0).map(|_| ()));
        let (single, inside) = (open(&path.join("s.npz")).unwrap_err(), open(&path).unwrap_err());
        assert_eq!(single.to_string(), inside.to_string());
        let said = single.to_string();
        (said.split_once("s.npz: ").unwrap().1.to_string(), single.help().unwrap())
    }

    #[test]
    fn what_does_not_fit_is_said_with_what_the_model_wants() {
        let (said, help) = complaint(&[("imag", floats(&[1, 2])), ("length", integers(&[1]))]);
        assert_eq!(said, "the model has no input `imag`; did you mean `image`?");
        assert_eq!(help, "the model wants `image` float[?, 2], `length` int64[?]");
        let cases = [
            (vec![("image", floats(&[1, 2]))], "nothing is there for input `length`"),
            (vec![("image", integers(&[1, 2])), ("length", integers(&[1]))], "input `image` is float, given is int64"),
            (vec![("image", floats(&[1, 3])), ("length", integers(&[1]))], "input `image` has length 2 on axis 1, given is [1, 3]"),
            (vec![("image", floats(&[4, 2])), ("length", integers(&[3]))], "input `length` has length 4 on axis 0, given is [3]"),
            (vec![("image", floats(&[2])), ("length", integers(&[2]))], "input `image` has 2 axes, given is [2]"),
        ];
        for (arrays, expected) in cases {
            assert_eq!(complaint(&arrays).0, expected);
        }
    }

    #[test]
    fn damaged_archives_are_refused() {
        let good = both(CompressionMethod::Deflated, &[3, 2], &[3]);
        let read = |bytes: &[u8]| {
            let (_keep, path) = folder(&[("s.npz", bytes.to_vec())]);
            let single = Samples::open(&path.join("s.npz"), &inputs(MODEL)).and_then(|s| s.load(0));
            single.and(Samples::open(&path, &inputs(MODEL)).and_then(|s| s.load(0)))
        };
        assert!((0..good.len()).step_by(3).all(|n| read(&good[..n]).is_err()));
        for k in 0..good.len() {
            let mut bad = good.clone();
            bad[k] ^= 0x40;
            let _ = read(&bad);
        }
        let nothing = Samples::open(&folder(&[("README", vec![])]).1, &inputs(MODEL));
        assert!(nothing.is_err());
    }

    #[test]
    fn made_up_samples_fit_and_differ() {
        let samples = Samples::random(&inputs(MODEL), 2, 7);
        assert!(samples.is_random());
        let (a, b) = (samples.load(0).unwrap(), samples.load(1).unwrap());
        assert_eq!((a.feeds.get("image").unwrap().dtype, a.feeds.get("image").unwrap().dims[0]), (DataType::Float, 1));
        assert_ne!(a.hash, b.hash);
    }
}
