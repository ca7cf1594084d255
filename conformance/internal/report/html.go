package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"tone":  tone,
	"short": func(s string) string { return s[:min(len(s), 12)] },
	"ms":    func(n int64) string { return fmt.Sprintf("%d ms", n) },
	"us":    func(n int64) string { return fmt.Sprintf("%d.%03d ms", n/1000, n%1000) },
	"lower": func(v suite.Verdict) string { return strings.ReplaceAll(strings.ToLower(string(v)), "_", " ") },
}).Parse(pageText))

// tone is the colour class of a verdict.
func tone(v suite.Verdict) string {
	switch v {
	case suite.Pass:
		return "good"
	case suite.Warn, suite.Flaky, suite.Blocked, suite.NotTestable:
		return "wait"
	case suite.Fail, suite.Error:
		return "bad"
	case suite.NotApplicable:
		return "none"
	}
	return "none"
}

// A pageView is what the page shows.
type pageView struct {
	*Report
	Bad     []suite.Result // what is no pass, worst first
	Groups  []pageGroup
	Slowest int64
	Tally   []pageTally
	Against []string // what keeps it from a certificate
}

type pageGroup struct {
	Name    suite.Profile
	Results []suite.Result
}

type pageTally struct {
	Verdict suite.Verdict
	Count   int
	Percent float64 // of all results, for the bar
	Offset  float64 // of the bar before it
}

// HTML writes the report as one page that needs nothing else.
func (r *Report) HTML(w io.Writer) error {
	v := pageView{Report: r, Against: r.Certifiable()}
	for _, verdict := range suite.Worst() {
		if n := r.Counts[verdict]; n > 0 {
			v.Tally = append(v.Tally, pageTally{Verdict: verdict, Count: n, Percent: 100 * float64(n) / float64(len(r.Results))})
		}
		for _, x := range r.Results {
			if x.Verdict == verdict && verdict != suite.Pass && verdict != suite.NotApplicable {
				v.Bad = append(v.Bad, x)
			}
		}
	}
	slices.Reverse(v.Tally)
	for i := range v.Tally[min(1, len(v.Tally)):] {
		v.Tally[i+1].Offset = v.Tally[i].Offset + v.Tally[i].Percent
	}
	for _, p := range suite.Profiles() {
		g := pageGroup{Name: p}
		for _, x := range r.Results {
			v.Slowest = max(v.Slowest, x.Milliseconds)
			if x.Profile == p {
				g.Results = append(g.Results, x)
			}
		}
		if len(g.Results) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	return page.Execute(w, v)
}

// Bar is how long a case took, in percent of the slowest.
func (v pageView) Bar(x suite.Result) float64 {
	if v.Slowest == 0 {
		return 0
	}
	return max(1, 100*float64(x.Milliseconds)/float64(v.Slowest))
}

// Share is a time per call in percent of the longest that nineteen of twenty stay within.
func (v pageView) Share(us int64) float64 {
	longest := int64(1)
	for _, t := range v.Timings {
		longest = max(longest, t.P95)
	}
	return max(1, 100*float64(us)/float64(longest))
}

// Took is how long the run took.
func (v pageView) Took() string { return fmt.Sprintf("%.1f s", v.Run.Ended.Sub(v.Run.Began).Seconds()) }
