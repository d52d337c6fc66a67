use std::fmt::Debug;

use breaker_core::circuit_breaker;

#[circuit_breaker]
async fn any_error<E>(error: E) -> Result<u8, E> {
    Err(error)
}

#[circuit_breaker]
fn other_bounds<E: Debug>(error: E) -> Result<u8, E>
where
    E: Clone + Send + 'static,
{
    Err(error.clone())
}

#[circuit_breaker]
fn any_type<R>(returned: R) -> R {
    returned
}

struct Client<E>(E);

#[circuit_breaker]
impl<E: Copy> Client<E> {
    fn of_the_block(&self) -> Result<u8, E> {
        Err(self.0)
    }
}

fn main() {
    drop((any_error(1), other_bounds(1), any_type(1), Client(1).of_the_block()));
}
