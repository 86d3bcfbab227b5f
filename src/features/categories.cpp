#include "categories.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "target_encoding.hpp"

namespace slipway::features {

Categories find_categories(const table::TextColumn& column, std::span<const std::uint32_t> rows, int rare_minimum,
                           std::optional<int> maximum_categories) {
  std::vector<std::int64_t> counts(column.dictionary.size());
  for (std::uint32_t row : rows)
    if (column.codes[row] >= 0) ++counts[static_cast<std::size_t>(column.codes[row])];
  std::vector<std::uint32_t> kept, rare;
  for (std::uint32_t code = 0; code < counts.size(); ++code)
    if (counts[code] > 0) (counts[code] >= rare_minimum ? kept : rare).push_back(code);
  const auto by_name = [&](std::uint32_t a, std::uint32_t b) { return column.dictionary[a] < column.dictionary[b]; };
  std::sort(kept.begin(), kept.end(), by_name);
  if (maximum_categories && kept.size() > static_cast<std::size_t>(*maximum_categories)) {
    std::stable_sort(kept.begin(), kept.end(), [&](std::uint32_t a, std::uint32_t b) { return counts[a] > counts[b]; });
    rare.insert(rare.end(), kept.begin() + *maximum_categories, kept.end());
    kept.resize(static_cast<std::size_t>(*maximum_categories));
    std::sort(kept.begin(), kept.end(), by_name);
  }
  std::sort(rare.begin(), rare.end(), by_name);
  Categories found;
  for (std::uint32_t code : kept) found.keys.push_back(column.dictionary[code]);
  for (std::uint32_t code : rare) found.rare.push_back(column.dictionary[code]);
  std::vector<std::int32_t> index(counts.size(), static_cast<std::int32_t>(found.rare_code()));
  for (std::size_t i = 0; i < kept.size(); ++i) index[kept[i]] = static_cast<std::int32_t>(i);
  found.codes.reserve(rows.size());
  for (std::uint32_t row : rows) {
    const std::int32_t code = column.codes[row];
    found.any_missing |= code < 0;
    found.codes.push_back(code < 0 ? static_cast<std::int32_t>(found.missing_code())
                                   : index[static_cast<std::size_t>(code)]);
  }
  return found;
}

void Encoding::keep(const std::function<bool(const std::string&)>& wanted) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (wanted(columns[i])) chosen.push_back(i);
  if (chosen.size() == columns.size()) return;
  const std::size_t width = columns.size();
  const auto pick = [&](std::vector<float>& rows) {
    std::vector<float> picked;
    for (std::size_t row = 0; row * width < rows.size(); ++row)
      for (const std::size_t i : chosen) picked.push_back(rows[row * width + i]);
    rows = std::move(picked);
  };
  pick(lookup.rows);
  pick(lookup.unseen);
  pick(lookup.missing);
  std::vector<std::string> names;
  std::vector<std::vector<float>> held_out;
  for (const std::size_t i : chosen) {
    names.push_back(columns[i]);
    if (!out_of_fold.empty()) held_out.push_back(std::move(out_of_fold[i]));
  }
  columns = std::move(names);
  out_of_fold = std::move(held_out);
}

Encoding encode_one_hot(const std::string& name, const Categories& categories, const FeatureOptions& options) {
  const std::size_t count = categories.keys.size();
  const bool rare = options.rare == "column" && !categories.rare.empty();
  const std::size_t width = count + (categories.any_missing ? 1 : 0) + (rare ? 1 : 0);
  Encoding encoding;
  model::Lookup& lookup = encoding.lookup;
  lookup.keys = categories.keys;
  lookup.rows.assign(count * width, 0);
  lookup.unseen.assign(width, 0);
  lookup.missing.assign(width, 0);
  for (std::size_t i = 0; i < count; ++i) {
    lookup.rows[i * width + i] = 1;
    encoding.columns.push_back(name + "=" + categories.keys[i]);
  }
  if (categories.any_missing) {
    lookup.missing[count] = 1;
    encoding.columns.push_back(name + "=missing");
  }
  if (rare) {
    lookup.unseen[width - 1] = 1;
    encoding.columns.push_back(name + "=rare");
  }
  return encoding;
}

Encoding encode_ordinal(const std::string& name, const Categories& categories, const FeatureOptions& options) {
  Encoding encoding;
  model::Lookup& lookup = encoding.lookup;
  lookup.keys = categories.keys;
  auto next = static_cast<float>(categories.keys.size());
  for (std::size_t i = 0; i < categories.keys.size(); ++i) lookup.rows.push_back(static_cast<float>(i));
  lookup.unseen = {-1};
  if (options.rare == "column" && !categories.rare.empty()) {
    // The rare ones are known, so that only what training never saw is unseen.
    std::vector<std::pair<std::string, float>> all;
    for (std::size_t i = 0; i < categories.keys.size(); ++i) all.emplace_back(categories.keys[i], lookup.rows[i]);
    for (const std::string& key : categories.rare) all.emplace_back(key, next);
    next += 1;
    std::sort(all.begin(), all.end());
    lookup.keys.clear();
    lookup.rows.clear();
    for (auto& [key, place] : all) {
      lookup.keys.push_back(std::move(key));
      lookup.rows.push_back(place);
    }
  }
  lookup.missing = {options.impute == "none" ? std::numeric_limits<float>::quiet_NaN() : next};
  encoding.columns = {name};
  return encoding;
}

Encoding encode_target_means(const std::string& name, const Categories& categories, const FeatureOptions& options,
                             const TargetView& target, std::uint64_t seed) {
  const std::vector<TargetValues> targets = target_values(target);
  const std::size_t count = categories.keys.size(), rows = categories.codes.size();
  Encoding encoding;
  model::Lookup& lookup = encoding.lookup;
  lookup.keys = categories.keys;
  lookup.rows.resize(count * targets.size());
  const std::vector<std::uint8_t> fold = encoding_folds(target, rows, options.target_folds, seed);
  for (std::size_t k = 0; k < targets.size(); ++k) {
    encoding.columns.push_back(name + (targets.size() > 1 ? fmt::format("~target{}", k) : "~target"));
    // Codes: the categories, then missing, then rare ones (which count towards the mean only).
    const TargetEncoding whole = encode_target(categories.codes, count + 2, targets[k], {}, options.target_smooth);
    for (std::size_t i = 0; i < count; ++i) lookup.rows[i * targets.size() + k] = whole.categories[i];
    lookup.unseen.push_back(options.rare == "column" && !categories.rare.empty()
                                ? whole.categories[categories.rare_code()]
                                : whole.overall);
    lookup.missing.push_back(categories.any_missing ? whole.categories[categories.missing_code()] : whole.overall);
    std::vector<float> out(rows);
    std::vector<std::uint8_t> use(rows);
    for (int f = 0; f < options.target_folds; ++f) {
      for (std::size_t i = 0; i < use.size(); ++i) use[i] = fold[i] != f;
      const TargetEncoding part = encode_target(categories.codes, count + 2, targets[k], use, options.target_smooth);
      for (std::size_t i = 0; i < use.size(); ++i)
        if (fold[i] == f) {
          const auto code = static_cast<std::size_t>(categories.codes[i]);
          const bool rare = code == categories.rare_code() && options.rare != "column";
          out[i] = rare ? part.overall : part.categories[code];
        }
    }
    encoding.out_of_fold.push_back(std::move(out));
  }
  return encoding;
}

}  // namespace slipway::features
