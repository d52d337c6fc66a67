use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify()]
    One,
    #[classify]
    Two,
}

fn main() {}
