use super::*;

/// Two people put on a number that they read before: the textbook's lost update.
struct Counter {
    is_atomic: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Read(usize),
    Write(usize),
    Crash(usize),
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(who) => write!(f, "{who} reads"),
            Self::Write(who) => write!(f, "{who} writes"),
            Self::Crash(who) => write!(f, "{who} dies"),
        }
    }
}

#[derive(Clone, Default, Hash)]
struct State {
    number: u8,
    read: [Option<u8>; 2],
    is_done: [bool; 2],
    is_dead: bool,
}

impl Model for Counter {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        for who in 0..2 {
            match (state.is_done[who], state.read[who]) {
                (true, _) => continue,
                (false, None) => steps.push(Step::Read(who)),
                (false, Some(_)) => steps.push(Step::Write(who)),
            }
            if !state.is_dead {
                steps.push(Step::Crash(who));
            }
        }
    }

    fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Read(who) => state.read[who] = Some(state.number),
            Step::Write(who) => {
                let read = state.read[who].unwrap();
                state.number = if self.is_atomic { state.number } else { read } + 1;
                state.is_done[who] = true;
            }
            Step::Crash(who) => {
                state.is_dead = true;
                state.is_done[who] = true;
            }
        }
    }

    fn is_fault(&self, step: Step) -> bool {
        matches!(step, Step::Crash(_))
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        (state.number > 2).then_some("counted too often")
    }

    fn left_undone(&self, state: &State) -> Option<&'static str> {
        (state.number < 2 && !state.is_dead).then_some("an update is lost")
    }
}

#[test]
fn the_shortest_way_to_a_lost_update_is_told() {
    let explored = explore(&Counter { is_atomic: false }, 1_000);
    let story = explored.counterexample.unwrap();
    assert_eq!(story.broken, "an update is lost");
    assert_eq!(story.steps, ["0 reads", "1 reads", "0 writes", "1 writes"]);
    assert!(story.to_string().ends_with("=> an update is lost"));
}

#[test]
fn a_world_without_the_fault_is_explored_to_its_end() {
    let explored = explore(&Counter { is_atomic: true }, 1_000);
    assert!(explored.counterexample.is_none());
    assert!(explored.is_complete);
    assert!(explored.states > 20 && explored.ends > 1, "{explored:?}");
}

#[test]
fn an_exploration_that_is_cut_short_says_so() {
    assert!(!explore(&Counter { is_atomic: true }, 5).is_complete);
}

#[test]
fn random_walks_find_it_too_and_repeat_themselves() {
    let wrong = Counter { is_atomic: false };
    let one = wander(&wrong, 0..100, 10).unwrap();
    let two = wander(&wrong, 0..100, 10).unwrap();
    assert_eq!(one.steps, two.steps);
    assert!(wander(&Counter { is_atomic: true }, 0..100, 10).is_none());
}
