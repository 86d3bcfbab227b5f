// Encodings, compression, delimiters, line ends, rejected rows, SQLite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/table/source.hpp>

#include "csv_reader.hpp"
#include "temporary_folder.hpp"
#include "text_decoder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> lines(const Table& table) {
  std::vector<std::string> rows(table.rows());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < table.columns(); ++j) rows[i] += (j > 0 ? "|" : "") + table.column(j).cell_text(i);
  return rows;
}

std::string utf_16(std::u16string_view text, bool big_endian, bool mark) {
  std::string bytes;
  const auto put = [&](char16_t unit) {
    const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xff);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  };
  if (mark) put(0xfeff);
  for (const char16_t unit : text) put(unit);
  return bytes;
}

class SourceKinds : public ::testing::Test {
 protected:
  std::vector<std::string> rows(std::string_view name, std::string_view content, const LoadOptions& options = {}) {
    const auto table = read_table(folder_.file(name, content), 2, options);
    EXPECT_TRUE(table.ok()) << table.error().message();
    return table.ok() ? lines(*table) : std::vector<std::string>();
  }
  std::string error(std::string_view name, std::string_view content, const LoadOptions& options = {}) {
    const auto table = read_table(folder_.file(name, content), 2, options);
    return table.ok() ? "no error" : table.error().message();
  }
  TemporaryFolder folder_;
};

TEST_F(SourceKinds, ReadsEncodings) {
  const std::u16string_view wide = u"name,n\r\nJürgen €,1\r\n\U0001F600,2\r\n";
  for (const bool big_endian : {false, true})
    for (const bool mark : {false, true})
      EXPECT_THAT(rows("wide.csv", utf_16(wide, big_endian, mark)), ElementsAre("Jürgen €|1", "\U0001F600|2"));
  EXPECT_THAT(rows("latin.csv", "name,n\nJ\xfcrgen,1\n", {.encoding = "latin-1"}), ElementsAre("Jürgen|1"));
  EXPECT_THAT(rows("windows.csv", "name,n\n\x80 \x93x\x94,1\n", {.encoding = "Windows-1252"}), ElementsAre("€ “x”|1"));
  EXPECT_THAT(error("plain.csv", "name,n\na,1\nJ\xfcrgen,1\n"),
              HasSubstr("plain.csv: line 3: column 'name': the text is not UTF-8 (byte 0xfc); if it is Latin-1"));
  EXPECT_THAT(error("t.csv", "a\n1\n", {.encoding = "utf8"}), HasSubstr("did you mean 'utf-8'?"));
}

TEST_F(SourceKinds, ReadsDelimitersQuotesAndLineEnds) {
  EXPECT_THAT(rows("hash.csv", "a#b\n1#'x#''y'''\n", {.delimiter = "#", .quote = "'"}), ElementsAre("1|x#'y'"));
  EXPECT_THAT(rows("two.csv", "a::b\n1::x:y\n", {.delimiter = "::"}), ElementsAre("1|x:y"));
  EXPECT_THAT(rows("old.csv", "a,b\r1,x\r2,y\r"), ElementsAre("1|x", "2|y"));
  EXPECT_THAT(rows("mixed.csv", "a,b\r\n1,x\n2,y\r3,\"z\r\n\"\n"), ElementsAre("1|x", "2|y", "3|z"));
  EXPECT_THAT(rows("none.csv", "a,b\n1,\"x\n", {.quote = ""}), ElementsAre("1|\"x"));
  EXPECT_THAT(error("t.csv", "a\n1\n", {.delimiter = "-----"}), HasSubstr("expected one to four bytes"));
}

TEST_F(SourceKinds, CompressedFilesHaveTheirLines) {
  SLIPWAY_VALUE(Database database, Database::open(2));
  for (const char* ending : {"gz", "zst"}) {
    const std::string file = folder_.path(std::string("t.csv.") + ending);
    SLIPWAY_EXPECT_OK(
        database.execute("COPY (SELECT CASE WHEN i = 2000 THEN 'many' ELSE i::VARCHAR END AS n, E'a\\nb' AS s "
                         "FROM range(3000) r(i)) TO " +
                         quote_literal(file) + " (FORMAT csv, HEADER, COMPRESSION " +
                         (std::string(ending) == "gz" ? "gzip" : "zstd") + ")"));
    const auto loaded = database.load("t", file);
    ASSERT_FALSE(loaded.ok());
    // Every row stands on two lines.
    EXPECT_THAT(loaded.error().message(), HasSubstr("line 4002: column 'n': 'many' is not a number"));
  }
  const std::string whole = folder_.path("t.csv.gz");
  std::filesystem::resize_file(whole, std::filesystem::file_size(whole) / 2);
  const auto cut = database.load("t", whole);
  ASSERT_FALSE(cut.ok());
  EXPECT_THAT(cut.error().message(), HasSubstr("it ends too early"));
}

TEST_F(SourceKinds, RejectsUpToTheLimit) {
  std::string content = "id,amount,when\n";
  for (int i = 0; i < 200; ++i) content += std::to_string(i) + ",1.5,2026-01-01\n";
  content += "200,abc,tomorrow\n201,2\n202,\"x,3\n203,7,2026-01-02\n";
  const std::string file = folder_.file("t.csv", content);
  SLIPWAY_VALUE(Database database, Database::open(2));
  const auto refused = database.load("t", file, {.max_rejects = 2});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("more rows do not fit than the 2 that max_rejects allows"));
  EXPECT_FALSE(database.count("t").ok());
  SLIPWAY_VALUE(const LoadReport report, database.load("t", file, {.max_rejects = 3}));
  EXPECT_EQ(report.rows, 201);
  EXPECT_EQ(report.rejected_rows, 3);
  EXPECT_THAT(lines(rejects_table(report.rejects)),
              ElementsAre(HasSubstr("t.csv|202|amount|abc|'abc' is not a number"),
                          HasSubstr("t.csv|202|when|tomorrow|'tomorrow' is not a time"),
                          HasSubstr("t.csv|203||201,2|2 values, expected 3 (id, amount, when)"),
                          HasSubstr("t.csv|204|amount|")));
  SLIPWAY_VALUE(const Table last, database.fetch("SELECT id FROM t WHERE amount > 2"));
  EXPECT_THAT(lines(last), ElementsAre("203"));
}

TEST_F(SourceKinds, LaterFilesAreReadByThePinnedTypes) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  SLIPWAY_VALUE(
      const LoadReport first,
      database.load("t", folder_.file("a.csv", "zip,day,ok,n\n00123,31.12.2025,true,1\n00124,1.2.2026,false,2\n")));
  std::vector<std::string> types;
  for (const auto& column : first.columns) types.push_back(column.name + " " + column.sql_type);
  EXPECT_THAT(types, ElementsAre("zip text", "day time %d.%m.%Y", "ok boolean", "n integer"));
  // Read by itself, this file would have whole numbers, days and months the other way round, and text.
  const std::string later = folder_.file("b.csv", "zip,day,ok,n\n94110,3.2.2026,false,3\n94111,4.2.2026,yes,4\n");
  SLIPWAY_VALUE(const LoadReport second, database.load("t", later, {.types = first.columns, .max_rejects = 1}));
  EXPECT_THAT(second.rejects.at(0).reason, HasSubstr("'yes' is not true or false"));
  SLIPWAY_VALUE(const Table table, database.fetch("t"));
  EXPECT_THAT(lines(table), ElementsAre("94110|2026-02-03T00:00:00Z|0|3"));
}

TEST_F(SourceKinds, ReadsWithinAMemoryLimit) {
  EXPECT_FALSE(Database::open(1, "much").ok());
  SLIPWAY_VALUE(Database database, Database::open(2, "100MB"));
  std::string content = "n,s\n";
  for (int i = 0; i < 50000; ++i) content += std::to_string(i) + ",text " + std::to_string(i) + "\n";
  SLIPWAY_EXPECT_OK(database.load("t", folder_.file("t.csv", content)));
  SLIPWAY_EXPECT_OK(database.clean("t", {{.kind = CleaningStep::Kind::keep, .expression = "n % 2 = 0"}}));
  SLIPWAY_EXPECT_OK(database.write("t", folder_.path("out.csv")));
  SLIPWAY_VALUE(const Table table, read_table(folder_.path("out.csv"), 1));
  ASSERT_EQ(table.rows(), 25000u);
  EXPECT_EQ(table.column(1).cell_text(24999), "text 49998");
}

TEST_F(SourceKinds, WritesWithoutMemoryAsWithIt) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  SLIPWAY_EXPECT_OK(
      database.create("t",
                      "SELECT 0.1::DOUBLE AS f, 1e20::DOUBLE AS big, 3::HUGEINT AS h, true AS b, DATE "
                      "'2026-01-02' AS d, 'a,\"b' AS s, 1.50::DECIMAL(5, 2) AS m UNION ALL SELECT 'nan', NULL, "
                      "NULL, NULL, NULL, NULL, NULL"));
  SLIPWAY_VALUE(const Table table, database.fetch("t"));
  for (const char* ending : {".csv", ".parquet"}) {
    SLIPWAY_EXPECT_OK(database.write("t", folder_.path(std::string("streamed") + ending)));
    SLIPWAY_EXPECT_OK(write_table(table, folder_.path(std::string("whole") + ending), 1));
    SLIPWAY_VALUE(const Table streamed, read_table(folder_.path(std::string("streamed") + ending), 1));
    SLIPWAY_VALUE(const Table whole, read_table(folder_.path(std::string("whole") + ending), 1));
    EXPECT_EQ(lines(streamed), lines(whole));
    EXPECT_EQ(streamed.rows(), 2u);
  }
  SLIPWAY_EXPECT_OK(database.create("empty", "SELECT 1 AS a LIMIT 0"));
  SLIPWAY_EXPECT_OK(database.write("empty", folder_.path("empty.csv")));
  SLIPWAY_VALUE(const Table empty, read_table(folder_.path("empty.csv"), 1));
  EXPECT_THAT(empty.names(), ElementsAre("a"));
}

TEST(CsvReader, GivesRecordsLinesAndProblemsWhateverTheBlocks) {
  const std::string text = "a,b\r\n\"x\r\ny\",\"say \"\"hi\"\"\"\r\n\n1,\"open\n2,\"q\" z\r3,\xff\n4,5";
  for (std::size_t block = 1; block <= text.size(); ++block) {
    std::size_t given = 0;
    CsvReader reader({}, [&](std::string& into) -> Result<bool> {
      const std::string_view next = std::string_view(text).substr(given, block);
      into += next;
      given += next.size();
      return !next.empty();
    });
    std::vector<std::string> seen;
    CsvRecord record;
    for (;;) {
      SLIPWAY_VALUE(const bool more, reader.next(record));
      if (!more) break;
      std::string line = std::to_string(record.line) + ":";
      if (record.problem.empty())
        for (const std::string& field : record.fields) line += "[" + field + "]";
      else
        line += record.problem.substr(0, 24);
      seen.push_back(line);
    }
    EXPECT_THAT(seen,
                ElementsAre("1:[a][b]", "2:[x\r\ny][say \"hi\"]", HasSubstr("5:a quoted value is not"),
                            HasSubstr("6:a quoted value is not"), HasSubstr("7:the text is not UTF-8"), "8:[4][5]"))
        << "blocks of " << block;
  }
}

TEST(Utf8, FindsTheFirstByteThatIsNot) {
  EXPECT_EQ(first_invalid_utf8("plain text, and more of it"), std::string_view::npos);
  EXPECT_EQ(first_invalid_utf8("é€😀"), std::string_view::npos);
  for (const char* bad :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xf8\x88\x80\x80\x80"})
    EXPECT_EQ(first_invalid_utf8(std::string("ab") + bad), 2u);
}

}  // namespace
}  // namespace slipway::table
