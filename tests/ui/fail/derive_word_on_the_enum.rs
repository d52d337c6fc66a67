use breaker_core::Classify;

#[derive(Classify)]
#[classify(neutral)]
enum Fault {
    One,
}

fn main() {}
