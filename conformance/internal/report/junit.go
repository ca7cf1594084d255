package report

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report for a machine that knows passes, failures and skips alone.
// What is inconclusive is a skip there, which such machines show in green; a test case
// of its own called certifiability fails then.
func (r *Report) JUnit(w io.Writer) error {
	all := junitSuites{Name: r.Plugin.Name + " " + r.Plugin.Version}
	for _, p := range suite.Profiles() {
		s := junitSuite{Name: string(p)}
		var took int64
		for _, x := range r.Results {
			if x.Profile == p {
				s.add(x)
				took += x.Milliseconds
			}
		}
		if s.Time = seconds(took); s.Tests > 0 {
			all.add(s)
		}
	}
	last := junitSuite{Name: "certificate", Time: seconds(0)}
	last.certifiability(r.Certifiable())
	all.add(last)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (all *junitSuites) add(s junitSuite) {
	all.Suites = append(all.Suites, s)
	all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
}

func (s *junitSuite) add(x suite.Result) {
	c := junitCase{Name: x.ID, Class: x.Requirement, Time: seconds(x.Milliseconds)}
	message := &junitMessage{Message: fmt.Sprintf("%s: %s", x.Verdict, x.Rule), Text: x.Why}
	switch x.Verdict {
	case suite.Fail, suite.Flaky, suite.Blocked:
		c.Failure = message
		s.Failures++
	case suite.Error:
		c.Error = message
		s.Errors++
	case suite.NotTestable, suite.NotApplicable:
		c.Skipped = message
		s.Skipped++
	case suite.Pass, suite.Warn:
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

func (s *junitSuite) certifiability(against []string) {
	c := junitCase{Name: "certifiability", Class: "conform", Time: seconds(0)}
	if len(against) > 0 {
		text := ""
		for _, why := range against {
			text += why + "\n"
		}
		c.Failure = &junitMessage{Message: "this run cannot be certified", Text: text}
		s.Failures++
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

func seconds(milliseconds int64) string {
	return fmt.Sprintf("%d.%03d", milliseconds/1000, milliseconds%1000)
}
