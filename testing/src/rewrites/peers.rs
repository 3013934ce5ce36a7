//! What Theano 1.0.5 and PyTensor 3.3.0 give for the rows, after their own rewriting.
//!
//! Measured in float64 with each library's full pipeline by the authors of the conformance list; nothing here is computed.

/// A row of the list: what it is about, and what the two libraries give.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The row.
    pub id: &'static str,
    /// What Theano gives: ✓ where that is right, or tested by itself.
    pub theano: &'static str,
    /// What PyTensor gives.
    pub pytensor: &'static str,
    /// Whether the row is about the gradient, and if so what it is without rewriting.
    pub naive_gradient: Option<&'static str>,
    /// Which witness of the row is shown.
    pub witness: usize,
    /// Which spelling is shown.
    pub spelling: usize,
    /// Whether the row is about float32.
    pub is_single: bool,
}

impl Peer {
    /// With another witness.
    const fn at(self, witness: usize) -> Self {
        Peer { witness, ..self }
    }

    /// With another spelling.
    const fn spelled(self, spelling: usize) -> Self {
        Peer { spelling, ..self }
    }

    /// In float32.
    const fn single(self) -> Self {
        Peer { is_single: true, ..self }
    }
}

const fn peer(id: &'static str, theano: &'static str, pytensor: &'static str) -> Peer {
    Peer { id, theano, pytensor, naive_gradient: None, witness: 0, spelling: 0, is_single: false }
}

const fn gradient(id: &'static str, naive: &'static str, theano: &'static str, pytensor: &'static str) -> Peer {
    Peer { naive_gradient: Some(naive), ..peer(id, theano, pytensor) }
}

/// Every row in the list's order.
pub const PEERS: &[Peer] = &[
    peer("S1", "✓", "✓"),
    peer("S2", "✓", "✓"),
    peer("S3", "✓", "✓"),
    peer("S3b", "0 ✗", "✓"),
    peer("S4", "✓", "✓"),
    peer("S5", "✓", "✓"),
    peer("S6", "✓", "✓"),
    peer("S7", "-inf ✗", "✓"),
    peer("S8", "0 ✗", "✓"),
    peer("S9", "✓", "✓"),
    peer("S10", "✓", "✓"),
    peer("S11", "✓", "✓"),
    peer("S12", "✓", "✓"),
    peer("S13", "inf ✗", "✓"),
    peer("S14", "inf ✗", "✓"),
    peer("S15", "not run", "✓, and 2 for p = 2 ✗"),
    peer("S16", "✗", "✓"),
    peer("S17", "nan ✗", "✓"),
    peer("S18", "✓ for two terms; nan at (-inf, -inf), inf for three ✗", "✓"),
    peer("S19", "✓", "✓"),
    peer("S20", "✓", "✓"),
    peer("S21", "✓", "✓"),
    peer("S22", "not run", "✓"),
    gradient("S23", "-inf, nan", "✓", "✓"),
    peer("S24", "✓", "✓"),
    peer("S25", "-903.9741171106539", "-903.9741171106539"),
    peer("S26", "to 1e-11", "to 1e-11"),
    peer("S27", "no such function", "✓"),
    peer("S28", "inf ✗", "✓"),
    peer("S29", "no", "-2763.102111592873 ✓"),
    peer("S30", "nan ✗", "✓"),
    peer("S31", "inf ✗", "✓"),
    peer("S32", "no", "✓"),
    peer("S33", "inf ✗", "✓").spelled(1),
    peer("S34", "no", "✓"),
    gradient("S35", "nan", "✓", "✓"),
    peer("S36", "✓", "✓"),
    peer("S37", "✓", "✓"),
    gradient("S38", "nan", "✓", "✓"),
    peer("S39", "✓", "removed"),
    peer("S40", "✓", "0 ✗"),
    peer("S41", "no", "✓"),
    peer("X1", "0 ✗", "0 ✗"),
    peer("X2", "1e-20 ✗", "1e-20 ✗"),
    peer("X3", "0 ✗", "0 ✗"),
    peer("X4", "inf ✗", "inf ✗"),
    peer("X5", "inf ✗", "inf ✗"),
    peer("X6", "not run", "inf ✗"),
    peer("X7", "nan ✗", "nan ✗"),
    peer("X8", "not run", "nan ✗"),
    peer("X9", "inf ✗", "inf ✗"),
    peer("X10", "0 ✗", "0 ✗"),
    peer("X11", "inf ✗", "inf ✗"),
    peer("X12", "not run", "0 ✗"),
    peer("X13", "inf ✗", "inf ✗"),
    gradient("X14", "nan", "nan ✗", "nan ✗").at(3),
    gradient("X15", "-inf", "-inf ✗", "-inf ✗").at(2),
    gradient("X16", "nan", "not run", "nan ✗"),
    gradient("X17", "nan", "nan ✗", "nan ✗"),
    gradient("X18", "0", "0 ✗", "0 ✗").at(2).spelled(1),
    gradient("X19", "0", "0 ✗", "0 ✗").at(2),
    gradient("X20", "nan", "not run", "nan ✗"),
    peer("X21", "not run", "-inf ✗").at(2).single(),
    peer("X22", "5.000000746e-19 ✗", "5.000000746e-19 ✗"),
    gradient("X23", "nan", "to 1e-11 ✗", "to 1e-11 ✗"),
];
