#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/report/page.hpp>

#include "chart_library.hpp"

namespace slipway::report {
namespace {

constexpr std::string_view style = R"css(
:root{--ink:#1b1f24;--soft:#59636e;--paper:#fff;--panel:#f6f8fa;--line:#d1d9e0;--accent:#0a5bd3;--good:#1a7f37;--attention:#9a6700;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--panel:#151b23;--line:#3d444d;--accent:#4493f8;--good:#3fb950;--attention:#d29922;--bad:#f85149}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 80px}header h1{margin:.2em 0 0;font-size:1.9rem}header p{color:var(--soft);margin:.2em 0 1.2em}
nav{display:flex;flex-wrap:wrap;gap:6px 16px;border-bottom:1px solid var(--line);padding-bottom:12px;font-size:.93rem}nav a{color:var(--accent);text-decoration:none}
section{margin-top:36px}h2{font-size:1.35rem;border-bottom:1px solid var(--line);padding-bottom:6px}h3{font-size:1rem;margin:1.4em 0 .3em}
.verdict{border-left:4px solid var(--good);background:var(--panel);padding:10px 14px;margin:12px 0;border-radius:0 6px 6px 0}.verdict.attention{border-color:var(--attention)}.verdict.bad{border-color:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:14px 0}.figure{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.figure b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}.figure span{color:var(--soft);font-size:.85rem}.figure small{display:block;color:var(--soft);font-size:.78rem}
.grid{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-size:.9rem;width:100%}caption{text-align:left;font-weight:600;padding:4px 0}th,td{border-bottom:1px solid var(--line);padding:5px 10px;text-align:left;vertical-align:top}
th{background:var(--panel);white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.chart{width:100%}
figure{margin:14px 0}figcaption{font-weight:600;margin-bottom:2px}
@media print{nav{display:none}section{break-inside:avoid}main{max-width:none}}
)css";

constexpr std::string_view script = R"js(
(function(){var dark=window.matchMedia('(prefers-color-scheme:dark)');var charts=[];
function draw(){charts.forEach(function(c){c.dispose()});charts=[];
document.querySelectorAll('.chart').forEach(function(element){
var option=JSON.parse(element.nextElementSibling.textContent);option.backgroundColor='transparent';option.animation=false;
if(!option.aria)option.aria={enabled:true};
var chart=echarts.init(element,dark.matches?'dark':null,{renderer:'svg'});chart.setOption(option);charts.push(chart);});}
draw();dark.addEventListener('change',draw);window.addEventListener('resize',function(){charts.forEach(function(c){c.resize()})});
window.addEventListener('beforeprint',function(){charts.forEach(function(c){c.resize()})});})();
)js";

std::string anchor(std::string_view title) {
  std::string id;
  for (char c : lower_case(title)) id += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return id;
}

// A "</script>" inside embedded text would end the element early.
std::string safe_in_script(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '!')) {
      out += "\\u003c";
    } else {
      out += text[i];
    }
  }
  return out;
}

bool looks_numeric(std::string_view cell) {
  if (!cell.empty() && cell.back() == '%') cell.remove_suffix(1);
  std::string digits;
  for (char c : cell)
    if (c != ',') digits += c;
  return !digits.empty() && parse_number(digits).has_value();
}

struct Renderer {
  std::string& out;

  void operator()(const Text& text) const { out += "<p>" + escape_html(text.text) + "</p>\n"; }

  void operator()(const Verdict& verdict) const {
    static constexpr std::string_view levels[] = {"good", "attention", "bad"};
    out += fmt::format("<p class=\"verdict {}\">{}</p>\n", levels[static_cast<int>(verdict.level)],
                       escape_html(verdict.text));
  }

  void operator()(const Grid& grid) const {
    out += "<div class=\"grid\"><table>";
    if (!grid.caption.empty()) out += "<caption>" + escape_html(grid.caption) + "</caption>";
    out += "<thead><tr>";
    for (const std::string& cell : grid.header) out += "<th scope=\"col\">" + escape_html(cell) + "</th>";
    out += "</tr></thead><tbody>\n";
    for (const auto& row : grid.rows) {
      out += "<tr>";
      for (const std::string& cell : row)
        out += (looks_numeric(cell) ? "<td class=\"n\">" : "<td>") + escape_html(cell) + "</td>";
      out += "</tr>\n";
    }
    out += "</tbody></table></div>\n";
  }

  void operator()(const Figures& figures) const {
    out += "<div class=\"figures\">";
    for (const auto& figure : figures.figures) {
      out += fmt::format("<div class=\"figure\"><span>{}</span><b>{}</b>", escape_html(figure.name),
                         escape_html(figure.value));
      if (!figure.detail.empty()) out += "<small>" + escape_html(figure.detail) + "</small>";
      out += "</div>";
    }
    out += "</div>\n";
  }

  void operator()(const Chart& chart) const {
    out += fmt::format(
        "<figure><figcaption>{}</figcaption><div class=\"chart\" role=\"img\" aria-label=\"{}\" style=\"height:{}px\">"
        "</div><script type=\"application/json\">{}</script></figure>\n",
        escape_html(chart.title), escape_html(chart.description.empty() ? chart.title : chart.description),
        chart.height, safe_in_script(chart.option));
  }
};

}  // namespace

std::string render(const Page& page) {
  std::string out;
  const std::string_view library = chart_library();
  out.reserve(library.size() + (1 << 18));
  out +=
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><title>" +
      escape_html(page.title) + "</title>\n<style>";
  out += style;
  out += "</style></head><body><main>\n<header><h1>" + escape_html(page.title) + "</h1><p>" +
         escape_html(page.subtitle) + "</p></header>\n<nav>";
  for (const Section& section : page.sections)
    out += fmt::format("<a href=\"#{}\">{}</a>", anchor(section.title), escape_html(section.title));
  out += "</nav>\n";
  bool charts = false;
  for (const Section& section : page.sections) {
    out += fmt::format("<section id=\"{}\"><h2>{}</h2>\n", anchor(section.title), escape_html(section.title));
    for (const Element& element : section.elements) {
      charts |= std::holds_alternative<Chart>(element);
      std::visit(Renderer{out}, element);
    }
    out += "</section>\n";
  }
  out += "</main>\n";
  if (charts) {
    out += "<script>";
    out += library;
    out += "</script>\n<script>";
    out += script;
    out += "</script>\n";
  }
  out += "</body></html>\n";
  return out;
}

}  // namespace slipway::report
