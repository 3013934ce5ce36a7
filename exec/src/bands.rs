//! Nests that run band by band: all of them on some indices of a loop that they share, then on the next, so that what one leaves for
//! another stays in the cache.

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::NodeId;
use smallvec::SmallVec;

use crate::nest::{Access, BufferId, Nest};

/// Nests over one loop that they have in common, among others.
///
/// At each index of that loop, a nest reads of what the others store only what they store at the same index.
#[derive(Clone, Debug, PartialEq)]
pub struct Bands {
    /// The nests, each after those that it reads from.
    pub nests: Vec<Member>,
    /// How long the loop is.
    pub length: usize,
    /// How many of its indices are a band.
    pub band: usize,
    /// The buffers that nobody else uses: they only ever hold a band.
    pub own: Vec<Own>,
}

/// One of the nests.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The nest, over all bands.
    pub nest: Nest,
    /// Which of its loops is the common one.
    pub axis: usize,
    /// The nodes of the graph it computes.
    pub nodes: SmallVec<[NodeId; 2]>,
}

/// A buffer that only ever holds a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The buffer.
    pub buffer: BufferId,
    /// The first element that the first band uses, as it would lie in the whole buffer.
    pub start: isize,
    /// How many bytes a band takes.
    pub bytes: usize,
}

impl Member {
    /// How many bytes an access touches at one index of the common loop.
    pub fn bytes(&self, access: &Access) -> usize {
        let others = self.nest.shape.iter().zip(&access.strides).enumerate().filter(|(axis, (_, stride))| *axis != self.axis && **stride != 0);
        others.map(|(_, (&length, _))| length).product::<usize>() * access.dtype.size()
    }
}

impl Bands {
    /// The buffers it reads that others write; one may be named twice.
    pub fn reads(&self) -> SmallVec<[BufferId; 4]> {
        let written: BTreeSet<BufferId> = self.nests.iter().flat_map(|member| member.nest.written()).map(|access| access.buffer).collect();
        let read = self.nests.iter().flat_map(|member| &member.nest.operands).map(|operand| operand.buffer);
        read.filter(|buffer| !written.contains(buffer)).collect()
    }

    /// The buffers it writes that others may read; one may be named twice.
    pub fn writes(&self) -> SmallVec<[BufferId; 2]> {
        let written = self.nests.iter().flat_map(|member| member.nest.written()).map(|access| access.buffer);
        written.filter(|&buffer| self.own(buffer).is_none()).collect()
    }

    /// How many bytes of all buffers one index of the common loop touches.
    pub fn bytes(&self) -> usize {
        let mut most: BTreeMap<BufferId, usize> = BTreeMap::new();
        for (member, access) in self.nests.iter().flat_map(|member| member.nest.accesses().map(move |access| (member, access))) {
            let bytes = most.entry(access.buffer).or_default();
            *bytes = member.bytes(access).max(*bytes);
        }
        most.values().sum()
    }

    /// The place of a buffer among those that nobody else uses.
    pub fn own(&self, buffer: BufferId) -> Option<usize> {
        self.own.iter().position(|own| own.buffer == buffer)
    }

    /// How many bands there are.
    pub fn count(&self) -> usize {
        self.length.div_ceil(self.band.max(1))
    }
}
