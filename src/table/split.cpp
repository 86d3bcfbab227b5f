#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include <slipway/base/hash.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/table/split.hpp>

#include "cell_bits.hpp"

namespace slipway::table {
namespace {

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = {"random", "stratified", "grouped", "time"};
  return names;
}

// Splits, folds and groups draw from streams of their own, so that the folds of a training set do not follow its split.
enum Stream : std::uint64_t { split_stream = 1, fold_stream = 2 };

std::vector<std::uint64_t> keyed_rows(const SplitInput& input, Stream stream, std::uint64_t seed) {
  const std::uint64_t base = random_key({stream, seed});
  std::vector<std::uint64_t> keys(input.rows);
  for (std::size_t i = 0; i < input.rows; ++i)
    keys[i] = combine_key(base, input.ids.empty() ? static_cast<std::uint64_t>(i) : input.ids[i]);
  return keys;
}

Status check_lengths(const SplitInput& input, SplitMethod method) {
  const auto check = [&](std::size_t size, const char* what) -> Status {
    if (size == 0 || size == input.rows) return {};
    return internal_error("a split over " + std::to_string(input.rows) + " rows was given " + std::to_string(size) +
                          " " + what);
  };
  SLIPWAY_CHECK(check(input.classes.size(), "classes"));
  SLIPWAY_CHECK(check(input.groups.size(), "groups"));
  SLIPWAY_CHECK(check(input.times.size(), "times"));
  SLIPWAY_CHECK(check(input.ids.size(), "ids"));
  if (input.rows > std::numeric_limits<std::uint32_t>::max())
    return invalid_input("a split can hold at most 4,294,967,295 rows, found " + std::to_string(input.rows));
  if (method == SplitMethod::grouped && input.groups.empty() && input.rows > 0)
    return invalid_input("a grouped split needs a group column: name it in the schema");
  if (method == SplitMethod::time && input.times.empty() && input.rows > 0)
    return invalid_input("a split by time needs a time column: name it in the schema");
  if (method == SplitMethod::time)
    for (std::size_t i = 0; i < input.rows; ++i)
      if (input.times[i] == missing_time)
        return invalid_input("row " + std::to_string(i + 1) +
                             " has no time, which a split by time needs: drop the rows without one first");
  return {};
}

// Rows ordered by class, within a class by key; without classes all are of one class.
std::vector<std::uint32_t> rows_by_class(const SplitInput& input, bool stratified,
                                         const std::vector<std::uint64_t>& keys) {
  std::vector<std::uint32_t> order(input.rows);
  std::iota(order.begin(), order.end(), 0u);
  const bool by_class = stratified && !input.classes.empty();
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (by_class && input.classes[a] != input.classes[b]) return input.classes[a] < input.classes[b];
    return keys[a] != keys[b] ? keys[a] < keys[b] : a < b;
  });
  return order;
}

struct Group {
  std::uint64_t key = 0;
  std::vector<std::uint32_t> rows;
};

// Groups in the order of their keys. A group's key is its smallest row key, so that with ids it does not depend on the
// order of the rows; a row without a group is one by itself.
std::vector<Group> groups_by_key(const SplitInput& input, const std::vector<std::uint64_t>& keys) {
  std::map<std::int32_t, std::size_t> places;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < input.rows; ++i) {
    std::size_t place = groups.size();
    if (input.groups[i] >= 0) place = places.emplace(input.groups[i], place).first->second;
    if (place == groups.size()) groups.push_back({keys[i], {}});
    groups[place].key = std::min(groups[place].key, keys[i]);
    groups[place].rows.push_back(static_cast<std::uint32_t>(i));
  }
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return a.key != b.key ? a.key < b.key : a.rows[0] < b.rows[0]; });
  return groups;
}

std::vector<std::uint32_t> rows_by_time(const SplitInput& input) {
  std::vector<std::uint32_t> order(input.rows);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return input.times[a] < input.times[b]; });
  return order;
}

std::size_t share_of(std::size_t rows, double share) {
  return static_cast<std::size_t>(std::llround(share * static_cast<double>(rows)));
}

Split by_class(const SplitInput& input, const SplitOptions& options, bool stratified) {
  const std::vector<std::uint64_t> keys = keyed_rows(input, split_stream, options.seed);
  const std::vector<std::uint32_t> order = rows_by_class(input, stratified, keys);
  Split split;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() &&
           (!stratified || input.classes.empty() || input.classes[order[end]] == input.classes[order[begin]]))
      ++end;
    const std::size_t cut = begin + share_of(end - begin, options.test);
    split.test.insert(split.test.end(), order.begin() + begin, order.begin() + cut);
    split.train.insert(split.train.end(), order.begin() + cut, order.begin() + end);
    begin = end;
  }
  return split;
}

Result<Split> by_group(const SplitInput& input, const SplitOptions& options) {
  const std::vector<Group> groups = groups_by_key(input, keyed_rows(input, split_stream, options.seed));
  if (groups.size() < 2)
    return invalid_input("all " + std::to_string(input.rows) + " rows are of one group, expected two groups or more");
  const double target = options.test * static_cast<double>(input.rows);
  Split split;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const double with = static_cast<double>(split.test.size() + groups[g].rows.size());
    const double without = static_cast<double>(split.test.size());
    const bool is_last_hope = g + 1 == groups.size() && split.test.empty();
    const bool would_take_all = split.train.empty() && g + 1 == groups.size();
    const bool take = is_last_hope || (!would_take_all && std::abs(with - target) < std::abs(without - target));
    auto& part = take ? split.test : split.train;
    part.insert(part.end(), groups[g].rows.begin(), groups[g].rows.end());
  }
  return split;
}

Result<Split> by_time(const SplitInput& input, const SplitOptions& options, const std::string& part) {
  const std::vector<std::uint32_t> order = rows_by_time(input);
  std::size_t cut = input.rows - share_of(input.rows, options.test);
  // Rows of one instant stay together: what happens at a moment must not be learnt from itself.
  while (cut > 0 && cut < order.size() && input.times[order[cut - 1]] == input.times[order[cut]]) --cut;
  if (cut == 0)
    return invalid_input("the rows before the " + part +
                         " part all have the same time as it, so none are left to train");
  Split split;
  split.train.assign(order.begin(), order.begin() + cut);
  const double gap = options.gap_days.value_or(0) * 86'400e6;
  const double last = static_cast<double>(input.times[order[cut - 1]]);
  for (std::size_t i = cut; i < order.size(); ++i)
    if (static_cast<double>(input.times[order[i]]) - last > gap) split.test.push_back(order[i]);
  if (split.test.empty() && cut < order.size())
    return invalid_input("a gap of " + format_number(options.gap_days.value_or(0)) + " days leaves no rows for the " +
                         part + ": all " + std::to_string(order.size() - cut) + " later rows lie within it");
  return split;
}

// The input of some of the rows. Rows keep their keys, so that a second split goes on where the first one ended.
class InputOfRows {
 public:
  InputOfRows(const SplitInput& input, const std::vector<std::uint32_t>& rows) : rows_(rows.size()) {
    for (const std::uint32_t row : rows) {
      if (!input.classes.empty()) classes_.push_back(input.classes[row]);
      if (!input.groups.empty()) groups_.push_back(input.groups[row]);
      if (!input.times.empty()) times_.push_back(input.times[row]);
      ids_.push_back(input.ids.empty() ? std::uint64_t{row} : input.ids[row]);
    }
  }
  SplitInput view() const { return {rows_, classes_, groups_, times_, ids_}; }

 private:
  std::size_t rows_;
  std::vector<std::int32_t> classes_;
  std::vector<std::int32_t> groups_;
  std::vector<std::int64_t> times_;
  std::vector<std::uint64_t> ids_;
};

// `part` is what the part called test is called in messages.
Result<Split> split_in_two(const SplitInput& input, SplitMethod method, const SplitOptions& options,
                           const std::string& part) {
  if (input.rows < 2)
    return invalid_input("there " + std::string(input.rows == 1 ? "is 1 row" : "are no rows") +
                         " to split, expected 2 or more");
  Split split;
  if (method == SplitMethod::grouped) {
    SLIPWAY_TRY(split, by_group(input, options));
  } else if (method == SplitMethod::time) {
    SLIPWAY_TRY(split, by_time(input, options, part));
  } else {
    split = by_class(input, options, method == SplitMethod::stratified);
  }
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.test.begin(), split.test.end());
  if (split.train.empty() || split.test.empty())
    return invalid_input("a " + part + " share of " + format_number(options.test) + " of " +
                         std::to_string(input.rows) + " rows leaves no rows for the " +
                         (split.test.empty() ? part : "training"));
  return split;
}

}  // namespace

Result<SplitMethod> parse_split_method(std::string_view name) {
  const std::vector<std::string>& names = method_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<SplitMethod>(i);
  return invalid_input("'" + std::string(name) + "' is no way to split" + suggestion(name, names) +
                       ", expected one of " + list_names(names));
}

Result<Split> split_rows(const SplitInput& input, const SplitOptions& options) {
  SLIPWAY_TRY(const SplitMethod method, parse_split_method(options.method));
  if (!(options.test > 0 && options.test < 1))
    return invalid_input("the test share is " + format_number(options.test) + ", expected more than 0 and less than 1");
  if (!(options.validation >= 0 && options.validation + options.test < 1))
    return invalid_input("the validation share is " + format_number(options.validation) + " and the test share " +
                         format_number(options.test) + ", expected less than 1 together");
  if (options.gap_days && !(*options.gap_days >= 0 && std::isfinite(*options.gap_days)))
    return invalid_input("the gap is " + format_number(*options.gap_days) + " days, expected 0 or more");
  if (options.gap_days && method != SplitMethod::time)
    return invalid_input("a gap between training and test rows needs the split method time, found " + options.method);
  SLIPWAY_CHECK(check_lengths(input, method));
  SLIPWAY_TRY(Split split, split_in_two(input, method, options, "test"));
  if (options.validation == 0) return split;
  SplitOptions inner = options;
  inner.test = options.validation / (1 - options.test);
  const InputOfRows rest(input, split.train);
  SLIPWAY_TRY(const Split parts, split_in_two(rest.view(), method, inner, "validation"));
  for (const std::uint32_t row : parts.train) split.fitting.push_back(split.train[row]);
  for (const std::uint32_t row : parts.test) split.validation.push_back(split.train[row]);
  return split;
}

Result<std::vector<std::uint8_t>> assign_folds(const SplitInput& input, SplitMethod method, int folds,
                                               std::uint64_t seed) {
  if (folds < 2 || folds > 255)
    return invalid_input("the number of folds is " + std::to_string(folds) + ", expected 2 to 255");
  SLIPWAY_CHECK(check_lengths(input, method));
  const std::size_t count = static_cast<std::size_t>(folds);
  if (input.rows < count)
    return invalid_input("there are " + std::to_string(input.rows) + " rows for " + std::to_string(folds) +
                         " folds, expected one row for each fold at least");
  std::vector<std::uint8_t> fold(input.rows);
  if (method == SplitMethod::time) {
    const std::vector<std::uint32_t> order = rows_by_time(input);
    std::size_t first = 0;  // of the rows of this instant: they go where the first of them goes
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (input.times[order[i]] != input.times[order[first]]) first = i;
      fold[order[i]] = static_cast<std::uint8_t>(first * count / input.rows);
    }
    return fold;
  }
  const std::vector<std::uint64_t> keys = keyed_rows(input, fold_stream, seed);
  if (method == SplitMethod::grouped) {
    std::vector<Group> groups = groups_by_key(input, keys);
    if (groups.size() < count)
      return invalid_input("there are " + std::to_string(groups.size()) + " groups for " + std::to_string(folds) +
                           " folds, expected one group for each fold at least");
    // Largest first, each into the fold with the fewest rows: the sizes come out nearly equal.
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.rows.size() > b.rows.size(); });
    std::vector<std::size_t> sizes(count, 0);
    for (const Group& group : groups) {
      const std::size_t smallest =
          static_cast<std::size_t>(std::min_element(sizes.begin(), sizes.end()) - sizes.begin());
      sizes[smallest] += group.rows.size();
      for (const std::uint32_t row : group.rows) fold[row] = static_cast<std::uint8_t>(smallest);
    }
    return fold;
  }
  // Dealt out like cards, class after class without starting anew: classes and folds both come out even.
  const std::vector<std::uint32_t> order = rows_by_class(input, method == SplitMethod::stratified, keys);
  for (std::size_t i = 0; i < order.size(); ++i) fold[order[i]] = static_cast<std::uint8_t>(i % count);
  return fold;
}

std::vector<std::uint64_t> row_keys(const Column& column) {
  constexpr std::uint64_t key_of_missing = 0x9d8f6a3c5b7e1f24ull;
  std::vector<std::uint64_t> keys(column.size(), key_of_missing);
  if (const auto* text = std::get_if<TextColumn>(&column.data)) {
    std::vector<std::uint64_t> hashes;
    for (const std::string& value : text->dictionary) hashes.push_back(hash_bytes(value));
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (text->codes[i] >= 0) keys[i] = hashes[static_cast<std::size_t>(text->codes[i])];
    return keys;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (column.is_missing(i)) continue;
    keys[i] = mix_bits(cell_bits(column, i));
  }
  return keys;
}

}  // namespace slipway::table
