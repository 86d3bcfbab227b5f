#include <gtest/gtest.h>

#include <slipway/report/page.hpp>

namespace slipway::report {
namespace {

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Page, EscapesWhatUsersWrote) {
  Page page{"<b>model</b>", "a & b", {{"Data", {Text{"x < y"}, Grid{"", {"name"}, {{"<script>alert(1)</script>"}}}}}}};
  const std::string html = render(page);
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_NE(html.find("&lt;b&gt;model"), std::string::npos);
  EXPECT_NE(html.find("x &lt; y"), std::string::npos);
}

TEST(Page, HasTheChartLibraryOnlyIfThereIsAChart) {
  Page page{"t", "", {{"Data", {Text{"no chart"}}}}};
  EXPECT_LT(render(page).size(), 10'000u);
  page.sections[0].elements.push_back(Chart{"c", R"({"series":[]})"});
  const std::string html = render(page);
  EXPECT_GT(html.size(), 500'000u);
  EXPECT_LT(html.size(), 2'000'000u);
}

TEST(Page, ChartDataCannotEndItsElement) {
  Page page{"t", "", {{"Data", {Chart{"c", R"({"title":{"text":"</script><b>"}})"}}}}};
  const std::string html = render(page);
  EXPECT_EQ(html.find("</script><b>"), std::string::npos);
  EXPECT_NE(html.find(R"(\u003c/script><b>)"), std::string::npos);
}

TEST(Page, AlignsNumbers) {
  Page page{"t", "", {{"Data", {Grid{"", {"a", "b", "c"}, {{"12.5", "x1", "3.1 %"}}}}}}};
  EXPECT_EQ(occurrences(render(page), "<td class=\"n\">"), 2u);
}

TEST(Page, SaysWhereNumbersComeFrom) {
  Page page{"t",
            "",
            {{"Data",
              {Grid{"", {"a"}, {{Cell("0.5", "evaluation.json#/a\"b")}}}, Figures{{{"n", Cell("1", "x#/y"), {}}}},
               Slider{"s", {"h"}, {{Cell("1", "x#/0")}, {Cell("</script>", "x#/1")}}, 1}}}}};
  const std::string html = render(page);
  EXPECT_NE(html.find("data-source=\"evaluation.json#/a&quot;b\">0.5"), std::string::npos);
  EXPECT_NE(html.find("<b data-source=\"x#/y\">1</b>"), std::string::npos);
  EXPECT_NE(html.find(R"([[["1","x#/0"]],[["\u003c/script>","x#/1"]]])"), std::string::npos);
  EXPECT_NE(html.find("max=\"1\" value=\"1\""), std::string::npos);
}

TEST(Page, LoadsNothingFromElsewhere) {
  Page page{"t", "", {{"Data", {Chart{"c", R"({"series":[]})"}}}}};
  const std::string html = render(page);
  EXPECT_EQ(html.find("src=\"http"), std::string::npos);
  EXPECT_EQ(html.find("<link"), std::string::npos);
}

}  // namespace
}  // namespace slipway::report
