package suite

import (
	"errors"
	"fmt"
)

// A Verdict is what a case came to.
type Verdict string

// The verdicts, from worst to best.
const (
	Error         Verdict = "ERROR"          // the suite or the machine failed; says nothing about the connector
	Fail          Verdict = "FAIL"           // a MUST is broken
	Flaky         Verdict = "FLAKY"          // differs from run to run
	NotTestable   Verdict = "NOT_TESTABLE"   // applies, but its inputs are missing
	Blocked       Verdict = "BLOCKED"        // what has to work before it does not
	Warn          Verdict = "WARN"           // a SHOULD is broken
	Pass          Verdict = "PASS"           // the witness was seen and everything expected held
	NotApplicable Verdict = "NOT_APPLICABLE" // the capability is not there, and is refused
)

// Worst orders verdicts: the first that occurs is the verdict of a run.
func Worst() []Verdict {
	return []Verdict{Error, Fail, Flaky, NotTestable, Blocked, Warn, Pass, NotApplicable}
}

// Errors that say nothing about a case's own sentence.
var (
	ErrSuite       = errors.New("suite")    // the suite's own trouble
	ErrNotTestable = errors.New("fixtures") // an input or an ability of the simulator is missing
	ErrBlocked     = errors.New("blocked")  // what has to work before does not
)

// Judge turns what a case returned into a verdict and the reason for it.
func Judge(level Level, err error) (Verdict, string) {
	switch {
	case err == nil:
		return Pass, ""
	case errors.Is(err, ErrSuite):
		return Error, err.Error()
	case errors.Is(err, ErrNotTestable):
		return NotTestable, err.Error()
	case errors.Is(err, ErrBlocked):
		return Blocked, err.Error()
	case level == Should || level == May:
		return Warn, err.Error()
	}
	return Fail, err.Error()
}

// A Level is how binding a requirement is.
type Level string

// The levels.
const (
	Must    Level = "MUST"
	MustNot Level = "MUST NOT"
	Should  Level = "SHOULD"
	May     Level = "MAY"
)

// Broken is what a case returns: what was done, what was expected, what was seen.
type Broken struct {
	Step             string
	Expected, Actual string
}

// Error implements error.
func (b *Broken) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", b.Step, b.Expected, b.Actual)
}

// Brokenf is a Broken with an actual made from format and args.
func Brokenf(step, expected, format string, args ...any) error {
	return &Broken{Step: step, Expected: expected, Actual: fmt.Sprintf(format, args...)}
}
