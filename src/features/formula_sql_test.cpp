// Formulas mean what DuckDB says that they mean: each is run by both over rows with missing values.
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include <slipway/features/features.hpp>
#include <slipway/table/source.hpp>

namespace slipway::features {
namespace {

// 600 rows: numbers in halves, texts and times, each missing now and then.
constexpr std::string_view rows_query = R"(
    SELECT CASE WHEN hash(i) % 5 = 0 THEN NULL ELSE CAST((hash(i + 1000) % 13)::INTEGER - 6 AS FLOAT) / 2 END AS a,
           CASE WHEN hash(i + 2000) % 5 = 0 THEN NULL ELSE CAST((hash(i + 3000) % 13)::INTEGER - 6 AS FLOAT) / 2 END AS b,
           ['CA', 'NY', 'ca', 'Zürich', 'ZÜRICH', 'zurich', 'it''s', '100%', '1000', 'a\b', 'é', 'z', 'Ж', 'ж', '東京',
            NULL, NULL][1 + (hash(i + 4000) % 17)::INTEGER] AS s,
           CASE WHEN hash(i + 5000) % 7 = 0 THEN NULL
                ELSE make_timestamp(((hash(i + 6000) % 3000000000)::BIGINT) * 1000000) END AS t,
           CASE WHEN hash(i + 7000) % 7 = 0 THEN NULL
                ELSE make_timestamp(((hash(i + 8000) % 3000000000)::BIGINT) * 1000000) END AS u
    FROM range(600) r(i))";

class FormulaSql : public ::testing::TestWithParam<const char*> {};

TEST_P(FormulaSql, SaysWhatDuckdbSays) {
  const std::string formula = GetParam();
  auto database = table::Database::open(1);
  ASSERT_TRUE(database.ok()) << database.error().message();
  ASSERT_TRUE(database->create("given", rows_query).ok());
  const auto given = database->fetch("FROM given");
  ASSERT_TRUE(given.ok()) << given.error().message();
  const auto wanted = database->fetch("SELECT CAST((" + formula + ") AS FLOAT) AS y FROM given");
  ASSERT_TRUE(wanted.ok()) << wanted.error().message();
  const auto expected = table::as_numbers(wanted->column(0));
  ASSERT_TRUE(expected.ok());

  std::vector<std::uint32_t> rows(given->rows());
  std::iota(rows.begin(), rows.end(), 0u);
  const std::vector<float> target(rows.size(), 0);
  FeaturePlan plan;
  plan.derived = {{"y", formula}};
  model::ModelBuilder builder("formula");
  const auto fitted = fit(builder, plan, *given, rows, {model::Task::regression, 1, {}, target}, 1);
  ASSERT_TRUE(fitted.ok()) << fitted.error().message();
  std::size_t missing = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const float found = fitted->training.at(r, 0), truth = (*expected)[r];
    missing += std::isnan(truth) ? 1 : 0;
    // Differences beyond 2^24 are rounded to float32 more than once.
    const float tolerance = std::fabs(truth) > 0x1p24F ? std::fabs(truth) * 2e-7F : 0;
    ASSERT_TRUE(std::isnan(found) ? std::isnan(truth) : std::fabs(found - truth) <= tolerance)
        << formula << ", row " << r << " (" << given->column(0).cell_text(r) << ", " << given->column(1).cell_text(r)
        << ", " << given->column(2).cell_text(r) << ", " << given->column(3).cell_text(r) << ", "
        << given->column(4).cell_text(r) << "): " << found << ", DuckDB says " << truth;
  }
  EXPECT_LT(missing, rows.size());
}

INSTANTIATE_TEST_SUITE_P(
    Formulas, FormulaSql,
    ::testing::Values(
        "a < b", "a <= b", "a > b", "a >= 1", "a = b", "a <> b", "NOT a = b", "a < b AND b < 2", "a < b OR b < 2",
        "NOT (a < b AND b < 2)", "NOT (a < b OR b < 2) OR a IS NULL", "(a = 1) = (b = 1)", "a = b + NULL OR b > 0",
        "a < 1 OR NULL", "a < 1 AND NULL", "CASE WHEN a > b THEN 1 WHEN NOT a > b THEN 2 ELSE 3 END",
        "CASE WHEN NOT (a > 1 AND b > 1) THEN a ELSE b END", "CASE WHEN a > 1 OR b > 1 THEN a END",  //
        "a IN (1, 2, -0.5)", "a NOT IN (1, 2)", "a IN (1, NULL)", "a NOT IN (1, NULL)", "a IN (b, 1)",
        "a + b IN (0, 1) AND a IN (0)", "NOT a IN (b + 1, b)", "CASE WHEN a NOT IN (1, NULL) THEN 1 ELSE 0 END",  //
        "a BETWEEN -1 AND 1", "a NOT BETWEEN b AND 2", "a BETWEEN b AND NULL", "a NOT BETWEEN 5 AND NULL",
        "a BETWEEN b - 1 AND b + 1 AND b > 0", "NOT a BETWEEN 1 AND 2", "(a > 0) = a IN (1, 2)",
        "(b > 0) <> a NOT BETWEEN 0 AND 1", "a > 0 IS NULL", "a IN (1, 2) IS NOT NULL",  //
        "s = 'CA'", "s <> 'CA'", "'CA' = s", "NOT s = 'it''s'", "s = NULL OR a > 0", "s IS NULL", "s IS NOT NULL",
        "s IN ('CA', 'NY')", "s NOT IN ('CA', 'Zürich')", "s IN ('CA', NULL)", "s NOT IN ('CA', NULL)",
        "s = 'CA' AND a > 0 OR s = 'NY'",  //
        "s < 'NY'", "s <= 'NY'", "s > 'NY'", "s >= 'NY'", "'NY' < s", "s < 'é'", "s >= 'zurich'", "s > '東'",
        "s BETWEEN 'CA' AND 'Zürich'", "s NOT BETWEEN '1' AND 'NY'",  //
        "s LIKE 'Z%'", "s NOT LIKE 'Z%'", "s LIKE '%rich'", "s LIKE 'Z_rich'", "s LIKE '__'", "s LIKE '100%'",
        "s LIKE '100!%' ESCAPE '!'", "s LIKE '100\\%' ESCAPE '\\'", "s LIKE 'a\\b'", "s LIKE '_'", "s LIKE ''",
        "s LIKE '%''%'", "s ILIKE 'zürich'", "s ILIKE 'Z%'", "s NOT ILIKE 'c_'", "s ILIKE 'Ж' OR s ILIKE 'É'",
        "CASE WHEN s LIKE 'Z%' THEN a WHEN s ILIKE 'z%' THEN b ELSE 0 END",  //
        "date_diff('year', t, u)", "date_diff('quarter', t, u)", "date_diff('month', t, u)", "date_diff('week', t, u)",
        "date_diff('day', t, u)", "datediff('hour', t, u)", "date_diff('minute', t, u)", "date_diff('second', t, u)",
        "date_diff('day', t, u) BETWEEN -30 AND 30", "second(t) + 60 * minute(t)", "t IS NULL OR u IS NOT NULL"));

}  // namespace
}  // namespace slipway::features
