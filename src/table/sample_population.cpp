#include "sample_population.hpp"

#include <algorithm>
#include <cmath>

namespace slipway::table {
namespace {

struct State {
  std::string_view name;
  double inhabitants;   // millions
  double fraud_weight;  // relative
};

constexpr State states_table[] = {
    {"AL", 5.1, 1}, {"AK", 0.7, 1},  {"AZ", 7.4, 2},  {"AR", 3.0, 1},   {"CA", 39.0, 9}, {"CO", 5.9, 1},
    {"CT", 3.6, 1}, {"DE", 1.0, 6},  {"DC", 0.7, 4},  {"FL", 22.6, 14}, {"GA", 11.0, 6}, {"HI", 1.4, 1},
    {"ID", 2.0, 1}, {"IL", 12.5, 4}, {"IN", 6.9, 1},  {"IA", 3.2, 1},   {"KS", 2.9, 1},  {"KY", 4.5, 1},
    {"LA", 4.6, 2}, {"ME", 1.4, 1},  {"MD", 6.2, 2},  {"MA", 7.0, 1},   {"MI", 10.0, 2}, {"MN", 5.7, 1},
    {"MS", 2.9, 2}, {"MO", 6.2, 1},  {"MT", 1.1, 1},  {"NE", 2.0, 1},   {"NV", 3.2, 12}, {"NH", 1.4, 1},
    {"NJ", 9.3, 4}, {"NM", 2.1, 1},  {"NY", 19.6, 9}, {"NC", 10.8, 2},  {"ND", 0.8, 1},  {"OH", 11.8, 2},
    {"OK", 4.1, 1}, {"OR", 4.2, 1},  {"PA", 13.0, 2}, {"RI", 1.1, 1},   {"SC", 5.4, 2},  {"SD", 0.9, 1},
    {"TN", 7.1, 2}, {"TX", 30.5, 8}, {"UT", 3.4, 1},  {"VT", 0.6, 1},   {"VA", 8.7, 1},  {"WA", 7.8, 1},
    {"WV", 1.8, 1}, {"WI", 5.9, 1},  {"WY", 0.6, 3},
};

constexpr Category categories_table[] = {
    {"grocery", 22, 4, 42, 0.65},          {"gas_station", 14, 0, 38, 0.40},  {"restaurant", 15, 6, 28, 0.60},
    {"fast_food", 9, 3, 12, 0.45},         {"coffee_shop", 6, 0.5, 7, 0.40},  {"pharmacy", 7, 4, 24, 0.70},
    {"department_store", 7, 12, 55, 0.70}, {"electronics", 3, 12, 120, 0.70}, {"clothing", 7, 14, 52, 0.65},
    {"home_improvement", 5, 5, 75, 0.75},  {"travel", 1.5, 8, 210, 0.65},     {"entertainment", 3, 11, 30, 0.60},
    {"subscription", 0, 16, 14, 0.35},     {"gift_card", 0.5, 4.5, 50, 0.65}, {"cash_withdrawal", 0, 0, 100, 0.55},
};

// What stolen cards buy: goods that are easily sold on.
constexpr double fraud_category_weights[] = {3, 1, 1, 1, 0.5, 2, 12, 32, 12, 4, 10, 2, 1, 18, 0};

constexpr double hour_weights[] = {4,  2,  1,  1,  1,  2,  5,  9,  12, 13, 14, 16,
                                   18, 16, 14, 14, 15, 18, 19, 17, 14, 11, 9,  6};

template <class Entry, std::size_t size, class Weight>
std::vector<double> weights_of(const Entry (&entries)[size], Weight weight) {
  std::vector<double> weights;
  for (const Entry& entry : entries) weights.push_back(weight(entry));
  return weights;
}

template <class Entry, std::size_t size>
std::vector<std::string> names_of(const Entry (&entries)[size]) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.emplace_back(entry.name);
  return names;
}

double moved_weight(const State& state) {
  const bool southern = state.name == "TX" || state.name == "FL" || state.name == "AZ" || state.name == "GA" ||
                        state.name == "NC" || state.name == "NV";
  return southern ? state.inhabitants : 0.02 * state.inhabitants;
}

}  // namespace

WeightedChoice::WeightedChoice(std::vector<double> weights) : sums_(std::move(weights)) {
  for (std::size_t i = 1; i < sums_.size(); ++i) sums_[i] += sums_[i - 1];
}

std::size_t WeightedChoice::at(double share) const {
  const auto found = std::upper_bound(sums_.begin(), sums_.end(), share * sums_.back());
  return std::min(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
}

const std::vector<std::string>& state_names() {
  static const std::vector<std::string> names = names_of(states_table);
  return names;
}
const std::vector<std::string>& category_names() {
  static const std::vector<std::string> names = names_of(categories_table);
  return names;
}
const std::vector<std::string>& channel_names() {
  static const std::vector<std::string> names = {"pos", "online", "atm"};
  return names;
}
const std::vector<std::string>& card_type_names() {
  static const std::vector<std::string> names = {"credit", "debit"};
  return names;
}

const Category& category_at(std::size_t index) { return categories_table[index]; }

Population::Population(std::int32_t card_count)
    : cards_of_state(std::size(states_table)),
      states(weights_of(states_table, [](const State& state) { return state.inhabitants; })),
      fraud_states(weights_of(states_table, [](const State& state) { return state.fraud_weight; })),
      moved_states(weights_of(states_table, moved_weight)),
      pos_categories(weights_of(categories_table, [](const Category& category) { return category.pos_weight; })),
      online_categories(weights_of(categories_table, [](const Category& category) { return category.online_weight; })),
      fraud_categories({std::begin(fraud_category_weights), std::end(fraud_category_weights)}),
      hours({std::begin(hour_weights), std::end(hour_weights)}),
      card_count_(card_count) {
  for (std::int32_t i = 0; i < card_count; ++i) cards_of_state[card(i).home].push_back(i);
}

Card Population::card(std::int32_t index) const {
  // Multiples of irrational numbers (a Kronecker sequence) instead of random ones: a small bank then has the same mix
  // of cards as a large one, so that samples of different length do not differ by their populations.
  const double number = static_cast<double>(index) + 1;
  const auto spread = [number](double irrational) {
    const double product = number * irrational;
    return product - std::floor(product);
  };
  Card card;
  card.home = static_cast<std::uint8_t>(states.at(spread(1.4142135623730951)));
  card.type = spread(1.7320508075688772) < 0.45 ? credit : debit;
  card.level = static_cast<float>(spread(2.23606797749979) - 0.5);
  card.online_share = static_cast<float>(0.15 + 0.4 * spread(2.6457513110645907));
  return card;
}

std::int32_t Population::draw_card(Random& random) const {
  const std::vector<std::int32_t>& local = cards_of_state[states(random)];
  const double share = std::pow(random.uniform(), 1.4);
  if (local.empty()) return static_cast<std::int32_t>(share * static_cast<double>(card_count_));
  return local[static_cast<std::size_t>(share * static_cast<double>(local.size()))];
}

std::int64_t card_number(std::int32_t card) {
  // An odd factor permutes the numbers of 32 bits.
  return 4'000'000'000 + static_cast<std::int64_t>(static_cast<std::uint32_t>(card) * 2654435761u);
}

std::int64_t merchant_number(std::int32_t merchant) {
  constexpr std::int32_t all = 15 * merchants_per_category;
  return 100'000 + merchant * 1237 % all;  // 1237 and 3000 have no common factor
}

}  // namespace slipway::table
