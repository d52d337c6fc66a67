use breaker_core::Classify;

#[derive(Classify)]
struct Fault {
    status: u16,
}

fn main() {}
