//! The scenario files of the checkout, played on a whole installation.

use crate::town::Town;

#[tokio::test]
async fn every_scenario_comes_out_as_it_is_written() {
    let town = Town::start(1).await;
    assert_eq!(town.play_all().await, Vec::<String>::new());
    town.leave().await;
}
