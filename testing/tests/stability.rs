//! Numerically difficult formulas come out right, value and gradient, on the portable engine.

use damo::Config;
use damo_testing::conformance::{Fact, FactReport};

#[test]
fn every_fact_holds() {
    let facts = Fact::vendored().unwrap();
    assert_eq!(facts.len(), 78);
    let report = FactReport::of(&facts, &Config::default());
    println!("{report}");
    assert_eq!(report.failures(), 0, "{report}");
}
