//! The list of records: grows without ever moving what is written.

use crate::record::Record;

/// Records per page: 64 kB.
const PAGE: usize = 1024;

/// A list that only grows, page by page: a vector would copy everything each time it is full, on the user's line.
#[derive(Default)]
pub(crate) struct Log {
    pages: Vec<Vec<Record>>,
}

impl Log {
    /// Adds a record, and gives its place.
    ///
    /// A log of 2³² records would need 256 GB; the last of its places would have no value.
    #[inline]
    pub fn push(&mut self, record: Record) -> u32 {
        if let Some(page) = self.pages.last_mut()
            && page.len() < PAGE
        {
            page.push(record);
        } else {
            self.turn_page(record);
        }
        u32::try_from(self.len() - 1).unwrap_or(u32::MAX)
    }

    #[cold]
    fn turn_page(&mut self, record: Record) {
        let mut page = Vec::with_capacity(PAGE);
        page.push(record);
        self.pages.push(page);
    }

    /// How many records there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.pages.last().map_or(0, |page| (self.pages.len() - 1) * PAGE + page.len())
    }

    /// The record at a place.
    pub fn get(&self, index: u32) -> Option<&Record> {
        self.pages.get(index as usize / PAGE)?.get(index as usize % PAGE)
    }

    /// The records from a place on.
    pub fn from(&mut self, place: usize) -> impl Iterator<Item = &mut Record> {
        self.pages.iter_mut().skip(place / PAGE).flatten().skip(place % PAGE)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use damo_graph::DType;

    use super::*;
    use crate::record::{Indices, Recorded};

    #[test]
    fn records_keep_their_places() {
        let mut log = Log::default();
        assert_eq!((log.len(), log.get(0).is_none(), log.from(0).count()), (0, true, 0));
        let count = 2 * PAGE + 5;
        for place in 0..count {
            let what = Recorded::Real(DType::F64, place as f64);
            let index = log.push(Record { what, inputs: Indices::new(), location: Location::caller(), within: None });
            assert_eq!((index as usize, log.len()), (place, place + 1));
        }
        let number = |record: &Record| if let Recorded::Real(_, number) = record.what { number } else { f64::NAN };
        assert_eq!(log.get(PAGE as u32 + 7).map(number), Some(PAGE as f64 + 7.0));
        assert!(log.get(count as u32).is_none());
        for start in [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, count] {
            let numbers: Vec<f64> = log.from(start).map(|record| number(record)).collect();
            assert_eq!(numbers, (start..count).map(|place| place as f64).collect::<Vec<_>>());
        }
    }
}
