//! The reader of the examples' data reads what it should and says what is wrong with the rest.

#[path = "../examples/support/idx.rs"]
mod idx;

use std::path::Path;

use idx::{IdxError, parse, read};
use ndarray::arr2;

#[test]
fn every_element_type_reads() {
    assert_eq!(parse::<u8>(&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]).unwrap(), arr2(&[[1, 2, 3], [4, 5, 6]]).into_dyn());
    assert_eq!(parse::<i16>(&[0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0xfe]).unwrap()[[0]], -2);
    assert_eq!(parse::<f32>(&[0, 0, 0x0d, 0, 0x3f, 0x80, 0, 0]).unwrap()[[]], 1.0);
    assert_eq!(parse::<f64>(&[0, 0, 0x0e, 1, 0, 0, 0, 0]).unwrap().len(), 0);
}

#[test]
fn what_is_wrong_is_said() {
    for (bytes, reason) in [
        (&[][..], "two zero bytes"),
        (&[1, 0, 8, 0], "two zero bytes"),
        (&[0, 0, 9, 0, 1], "type 0x09, and 0x08"),
        (&[0, 0, 8, 2, 0, 0, 0, 1], "middle of its lengths"),
        (&[0, 0, 8, 1, 0, 0, 0, 3, 1], "need 3 bytes, and 1 follow"),
        (&[0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], "too large"),
    ] {
        let message = parse::<u8>(bytes).unwrap_err();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn the_digits_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist-10k");
    for (part, count) in [("train", 8000), ("test", 2000)] {
        let images = read::<u8>(&folder.join(format!("{part}-images-idx3-ubyte.gz"))).unwrap();
        let labels = read::<u8>(&folder.join(format!("{part}-labels-idx1-ubyte.gz"))).unwrap();
        assert_eq!((images.shape(), labels.shape()), (&[count, 28, 28][..], &[count][..]));
        assert!(labels.iter().all(|&label| label < 10));
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = read::<u8>(Path::new("nowhere.gz")).unwrap_err();
    assert!(matches!(error, IdxError::Io { .. }) && error.to_string().starts_with("`nowhere.gz` cannot be read: "), "{error}");
}
