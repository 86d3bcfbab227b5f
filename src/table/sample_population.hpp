// The bank behind the sample: its cards, merchants and customs, the same for every seed.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <slipway/base/random.hpp>

namespace slipway::table {

// Draws an index with a chance in proportion to its weight.
class WeightedChoice {
 public:
  explicit WeightedChoice(std::vector<double> weights);
  std::size_t operator()(Random& random) const { return at(random.uniform()); }
  // The index at a share of the way through the weights, 0 <= share < 1.
  std::size_t at(double share) const;

 private:
  std::vector<double> sums_;
};

enum Channel : std::uint8_t { pos, online, atm };
enum CardType : std::uint8_t { credit, debit };

const std::vector<std::string>& state_names();
const std::vector<std::string>& category_names();
const std::vector<std::string>& channel_names();
const std::vector<std::string>& card_type_names();

constexpr std::uint8_t cash_category = 14;  // the only one at an atm
constexpr std::int32_t merchants_per_category = 200;

struct Card {
  std::uint8_t home = 0;  // a state
  CardType type = credit;
  float level = 0;  // added to the logarithm of its amounts
  float online_share = 0;
};

struct Category {
  std::string_view name;
  double pos_weight;
  double online_weight;
  double median_amount;  // dollars
  double spread;         // standard deviation of the logarithm
};

struct Population {
  explicit Population(std::int32_t card_count);
  // A card for an ordinary transaction: its home is drawn by inhabitants, so that the mix of states is right however
  // few cards there are; the busiest hundredth of a state's cards is about three times as busy as the average.
  std::int32_t draw_card(Random& random) const;

  std::int32_t card_count() const { return card_count_; }
  // Computed anew each time: a large bank's cards would take more memory than the transactions at work.
  Card card(std::int32_t index) const;

  std::vector<std::vector<std::int32_t>> cards_of_state;
  WeightedChoice states;        // by inhabitants
  WeightedChoice fraud_states;  // where stolen cards are used
  WeightedChoice moved_states;  // where business goes as the data drifts
  WeightedChoice pos_categories;
  WeightedChoice online_categories;
  WeightedChoice fraud_categories;
  WeightedChoice hours;

 private:
  std::int32_t card_count_;
};

const Category& category_at(std::size_t index);

// Identifiers as they appear in the table: spread evenly over their range whatever the number of cards.
std::int64_t card_number(std::int32_t card);
std::int64_t merchant_number(std::int32_t merchant);

}  // namespace slipway::table
