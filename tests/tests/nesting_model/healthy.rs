//! Healthy: the same calls of a service that is well.

use crate::tree::{Call, Child, End, How, Judge, Pause, Plan, Way};
use std::sync::Arc;

impl Child {
    /// The same calls of a service that is well, which takes no time.
    pub(crate) fn healthy(&self) -> Self {
        let way = match self.way {
            Way::Within(_) | Way::Once => Way::Plain,
            Way::Fallback { of, .. } => Way::Fallback { of, fails: false },
            way => way,
        };
        let call = &*self.call;
        let pause = |pause| if pause == Pause::None { pause } else { Pause::Yields };
        // A sync call cannot wait.
        let at_once = matches!(call.how, How::Sync | How::RunSync);
        let pause = |it| if at_once { Pause::None } else { pause(it) };
        let plan = if call.plan == Plan::Select { Plan::Join } else { call.plan };
        let mut children: Vec<_> = call.children.iter().map(Self::healthy).collect();
        if at_once {
            children.iter_mut().for_each(Self::at_once);
        }
        // To `guard_stream` each error is a failure, also a rejection by another breaker.
        let alone = !children.iter().any(|child| child.meets_others(call.of));
        let how = if call.how == How::Stream && !alone { How::Async } else { call.how };
        let call = Call {
            how,
            judge: Judge::Itself,
            begins: pause(call.begins),
            hand: None,
            plan,
            children,
            goes_on: pause(call.goes_on),
            end: End::Inside,
            ..*call
        };
        Self { way, call: Arc::new(call) }
    }

    /// Whether it may give an error of another breaker.
    fn meets_others(&self, of: usize) -> bool {
        let call = &self.call;
        call.of != of || call.children.iter().any(|child| child.meets_others(of))
    }

    /// Nothing in it waits.
    fn at_once(&mut self) {
        if self.way == Way::Awaited {
            self.way = Way::Spawned;
        }
        let call = Arc::make_mut(&mut self.call);
        (call.begins, call.goes_on) = (Pause::None, Pause::None);
        call.children.iter_mut().for_each(Self::at_once);
    }

    /// Whether a call of this breaker is made in it.
    pub(crate) fn calls(&self, of: usize) -> bool {
        self.call.of == of || self.call.children.iter().any(|child| child.calls(of))
    }

    /// Where a drop is a failure, a healthy service has none that another breaker is the reason
    /// for: of those this one knows nothing.
    pub(crate) fn without_drops(&mut self) {
        let call = Arc::make_mut(&mut self.call);
        if call.plan == Plan::TryJoin {
            call.plan = Plan::Join;
        }
        call.children.iter_mut().for_each(Self::without_drops);
    }
}
