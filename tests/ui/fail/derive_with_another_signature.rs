use breaker_core::{Classify, Outcome};

fn judge(fault: &Fault) -> Outcome {
    let _ = fault;
    Outcome::failure()
}

fn is_bad(status: &u16) -> bool {
    *status > 500
}

#[derive(Classify)]
enum Fault {
    #[classify(with = judge)]
    One(u16),
    #[classify(with = is_bad)]
    Two(u16),
}

fn main() {}
