#include <algorithm>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/report/page.hpp>

#include "chart_library.hpp"

namespace slipway::report {
namespace {

constexpr std::string_view style = R"css(
:root{--ink:#1b1f24;--soft:#59636e;--paper:#fff;--panel:#f6f8fa;--line:#d1d9e0;--accent:#0a5bd3;--good:#1a7f37;--attention:#9a6700;--bad:#cf222e}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--panel:#151b23;--line:#3d444d;--accent:#4493f8;--good:#3fb950;--attention:#d29922;--bad:#f85149}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 20px 80px}header h1{margin:.2em 0 0;font-size:1.9rem;overflow-wrap:anywhere}header p{color:var(--soft);margin:.2em 0 1.2em;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:6px 16px;border-bottom:1px solid var(--line);padding-bottom:12px;font-size:.93rem}nav a{color:var(--accent);text-decoration:none}
section{margin-top:36px}h2{font-size:1.35rem;border-bottom:1px solid var(--line);padding-bottom:6px}p{overflow-wrap:anywhere}
.verdict{border-left:4px solid var(--good);background:var(--panel);padding:10px 14px;margin:12px 0;border-radius:0 6px 6px 0}.verdict.attention{border-color:var(--attention)}.verdict.bad{border-color:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(158px,1fr));gap:12px;margin:14px 0}.figure{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.figure b{display:block;font-size:1.4rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}.figure span.name{color:var(--soft);font-size:.85rem}.figure small{display:block;color:var(--soft);font-size:.78rem}
.grid{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-size:.9rem;width:100%}.caption{font-weight:600;margin:14px 0 4px}.caption+.grid{margin-top:0}th,td{border-bottom:1px solid var(--line);padding:5px 10px;text-align:left;vertical-align:top}
th{background:var(--panel)}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.among{text-align:left}td.long{overflow-wrap:anywhere;min-width:9em}th.n{text-align:right}.chart{width:100%}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:8px 28px}figure{margin:14px 0;min-width:0}figcaption{font-weight:600;margin-bottom:2px}
.slider{border:1px solid var(--line);border-radius:8px;padding:12px 14px;margin:14px 0}.slider input{width:100%;accent-color:var(--accent)}.slider .figures{margin-bottom:0}
@media(max-width:560px){main{padding:12px 12px 60px}body{font-size:15px}.figures{grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:8px}th,td{padding:4px 6px}}
@media print{nav,.slider input{display:none}main{max-width:none;padding:0}body{font-size:10.5pt}figure,.verdict,.figures,tr{break-inside:avoid}h2,.caption{break-after:avoid}.charts{grid-template-columns:1fr 1fr}.grid{overflow:visible}table{font-size:8.5pt}th,td{padding:3px 5px}td{overflow-wrap:anywhere}td.n,td:first-child,.wide td{overflow-wrap:normal}.wide{font-size:6.5pt}.wide th,.wide td{padding:2px 3px}.charts figure:only-child{grid-column:1/-1}.chart{height:auto!important}.chart>div,.chart svg{position:static!important;width:100%!important;height:auto!important}}
)css";

// A picture on paper is the one of the screen, scaled: its view box makes that possible.
constexpr std::string_view script = R"js(
(function(){var dark=window.matchMedia('screen and (prefers-color-scheme:dark)');var charts=[];
function draw(){charts.forEach(function(c){c.dispose()});charts=[];
document.querySelectorAll('.chart').forEach(function(element){
var option=JSON.parse(element.nextElementSibling.textContent);option.backgroundColor='transparent';option.animation=false;
if(!option.aria)option.aria={enabled:true};
var chart=echarts.init(element,dark.matches?'dark':null,{renderer:'svg'});chart.setOption(option);charts.push(chart);});scale();}
function scale(){document.querySelectorAll('.chart svg').forEach(function(svg){
svg.setAttribute('viewBox','0 0 '+svg.getAttribute('width')+' '+svg.getAttribute('height'));});}
function fit(){charts.forEach(function(c){c.resize()});scale()}
draw();dark.addEventListener('change',draw);window.addEventListener('resize',fit);
})();
)js";

constexpr std::string_view slider_script = R"js(
document.querySelectorAll('.slider').forEach(function(box){
var rows=JSON.parse(box.querySelector('script').textContent),input=box.querySelector('input'),values=box.querySelectorAll('.figure b');
input.addEventListener('input',function(){var row=rows[+input.value];
values.forEach(function(value,i){value.textContent=row[i][0];value.dataset.source=row[i][1];});});});
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

std::string source_attribute(std::string_view source) {
  return source.empty() ? std::string() : " data-source=\"" + escape_html(source) + "\"";
}

// A JSON string.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

struct Renderer {
  std::string& out;

  void operator()(const Text& text) const {
    out += "<p" + source_attribute(text.source) + ">" + escape_html(text.text) + "</p>\n";
  }

  void operator()(const Verdict& verdict) const {
    static constexpr std::string_view levels[] = {"good", "attention", "bad"};
    out += fmt::format("<p class=\"verdict {}\"{}>{}</p>\n", levels[static_cast<int>(verdict.level)],
                       source_attribute(verdict.source), escape_html(verdict.text));
  }

  void operator()(const Grid& grid) const {
    // Outside the table, so that it stays in view where a wide table is scrolled.
    if (!grid.caption.empty()) out += "<p class=\"caption\">" + escape_html(grid.caption) + "</p>";
    out += grid.header.size() > 9 ? "<div class=\"grid\"><table class=\"wide\"" : "<div class=\"grid\"><table";
    if (!grid.caption.empty()) out += " aria-label=\"" + escape_html(grid.caption) + "\"";
    out += ">";
    // Numbers stand on the right where their column holds nothing else.
    std::vector<bool> numeric(grid.header.size(), true);
    for (const auto& row : grid.rows)
      for (std::size_t column = 0; column < std::min(row.size(), numeric.size()); ++column)
        if (const std::string& text = row[column].text; !text.empty() && text != "undefined" && !looks_numeric(text))
          numeric[column] = false;
    const bool titled = std::any_of(grid.header.begin(), grid.header.end(), [](const auto& t) { return !t.empty(); });
    if (titled) {
      out += "<thead><tr>";
      for (std::size_t column = 0; column < grid.header.size(); ++column)
        out += (numeric[column] && !grid.rows.empty() ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">") +
               escape_html(grid.header[column]) + "</th>";
      out += "</tr></thead>";
    }
    out += "<tbody>\n";
    for (const auto& row : grid.rows) {
      out += "<tr>";
      for (std::size_t column = 0; column < row.size(); ++column) {
        const Cell& cell = row[column];
        std::string kind;
        if (looks_numeric(cell.text)) {
          kind = column < numeric.size() && numeric[column] ? "n" : "n among";
        } else if (cell.text.size() > 40 && cell.text.find(' ') == std::string::npos) {
          kind = "long";
        }
        out += (kind.empty() ? "<td" : "<td class=\"" + kind + "\"") + source_attribute(cell.source) + ">" +
               escape_html(cell.text) + "</td>";
      }
      out += "</tr>\n";
    }
    out += "</tbody></table></div>\n";
  }

  void figure(const std::string& name, const Cell& value, const std::vector<Cell>& detail) const {
    out += fmt::format("<div class=\"figure\"><span class=\"name\">{}</span><b{}>{}</b>", escape_html(name),
                       source_attribute(value.source), escape_html(value.text));
    if (!detail.empty()) {
      out += "<small>";
      for (const Cell& piece : detail)
        out += piece.source.empty()
                   ? escape_html(piece.text)
                   : "<span" + source_attribute(piece.source) + ">" + escape_html(piece.text) + "</span>";
      out += "</small>";
    }
    out += "</div>";
  }

  void operator()(const Figures& figures) const {
    out += "<div class=\"figures\">";
    for (const auto& one : figures.figures) figure(one.name, one.value, one.detail);
    out += "</div>\n";
  }

  void operator()(const Chart& chart) const {
    out += fmt::format(
        "<figure><figcaption>{}</figcaption><div class=\"chart\"{} role=\"img\" aria-label=\"{}\" "
        "style=\"height:{}px\"></div><script type=\"application/json\">{}</script></figure>\n",
        escape_html(chart.title), source_attribute(chart.source),
        escape_html(chart.description.empty() ? chart.title : chart.description), chart.height,
        safe_in_script(chart.option));
  }

  void operator()(const Slider& slider) const {
    if (slider.rows.empty()) return;
    const std::size_t chosen = std::min(slider.chosen, slider.rows.size() - 1);
    out += fmt::format(
        "<div class=\"slider\"><label><strong>{}</strong><input type=\"range\" min=\"0\" max=\"{}\" value=\"{}\" "
        "aria-label=\"{}\"></label><div class=\"figures\">",
        escape_html(slider.title), slider.rows.size() - 1, chosen, escape_html(slider.title));
    for (std::size_t i = 0; i < slider.header.size(); ++i) figure(slider.header[i], slider.rows[chosen][i], {});
    std::string rows;
    for (const auto& row : slider.rows) {
      std::string cells;
      for (const Cell& cell : row)
        cells += (cells.empty() ? "[" : ",[") + json_string(cell.text) + "," + json_string(cell.source) + "]";
      rows += (rows.empty() ? "[" : ",[") + cells + "]";
    }
    out += "</div><script type=\"application/json\">[" + safe_in_script(rows) + "]</script></div>\n";
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
  bool charts = false, sliders = false;
  for (const Section& section : page.sections) {
    out += fmt::format("<section id=\"{}\"><h2>{}</h2>\n", anchor(section.title), escape_html(section.title));
    bool row = false;  // of neighbouring charts
    for (const Element& element : section.elements) {
      const bool chart = std::holds_alternative<Chart>(element);
      charts |= chart;
      sliders |= std::holds_alternative<Slider>(element);
      if (chart != row) out += chart ? "<div class=\"charts\">\n" : "</div>\n";
      row = chart;
      std::visit(Renderer{out}, element);
    }
    if (row) out += "</div>\n";
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
  if (sliders) {
    out += "<script>";
    out += slider_script;
    out += "</script>\n";
  }
  out += "</body></html>\n";
  return out;
}

}  // namespace slipway::report
