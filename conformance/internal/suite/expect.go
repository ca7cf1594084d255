package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/sdk"
)

// Refused checks that err is a refusal with one of the codes, or any if none is given,
// and that it says that nothing was attempted. That nothing was sent is Nothing's to say.
func Refused(step string, err error, codes ...sdk.Code) error {
	expected := "a refusal"
	if len(codes) > 0 {
		expected = fmt.Sprintf("a refusal with %v", codes)
	}
	if err == nil {
		return Brokenf(step, expected, "accepted")
	}
	if isOwn(err) {
		return err
	}
	e := sdk.AsError(err)
	if len(codes) > 0 && !slices.Contains(codes, e.Code) {
		return Brokenf(step, expected, "%s (%v)", e.Code, err)
	}
	if e.Outcome() != sdk.OutcomeNotAttempted {
		return Brokenf(step, "outcome "+string(sdk.OutcomeNotAttempted), "%s (%v)", e.Outcome(), err)
	}
	return nil
}

// Named is Refused for a request that is wrong in one place, which must be named.
func Named(step string, err error, pointer string) error {
	if wrong := Refused(step, err); wrong != nil {
		return wrong
	}
	e := sdk.AsError(err)
	for _, f := range e.Fields {
		if f.Pointer == "" { // the whole request: that names nothing
			continue
		}
		if f.Pointer == pointer || strings.HasPrefix(f.Pointer, pointer+"/") || strings.HasPrefix(pointer, f.Pointer+"/") {
			return nil
		}
	}
	return Brokenf(step, "the refusal to name "+pointer, "%s naming %v (%v)", e.Code, e.Fields, err)
}

// Outcome checks what became of a write.
func Outcome(step string, a sdk.Answer, err error, want ...sdk.Outcome) error {
	if err != nil && isOwn(err) {
		return err
	}
	got := sdk.OutcomeOf(a, err)
	if slices.Contains(want, got) {
		return nil
	}
	return Brokenf(step, fmt.Sprintf("outcome %v", want), "%s", said(got, err))
}

func said(o sdk.Outcome, err error) string {
	if err == nil {
		return string(o)
	}
	return fmt.Sprintf("%s (%v)", o, err)
}

// Failed checks that a call failed with one of the codes.
func Failed(step string, err error, codes ...sdk.Code) error {
	expected := fmt.Sprintf("a failure with %v", codes)
	if err == nil {
		return Brokenf(step, expected, "success")
	}
	if isOwn(err) {
		return err
	}
	if e := sdk.AsError(err); len(codes) > 0 && !slices.Contains(codes, e.Code) {
		return Brokenf(step, expected, "%s (%v)", e.Code, err)
	}
	return nil
}

// Equal checks that two values are the same.
func Equal[T comparable](step string, got, want T) error {
	if got == want {
		return nil
	}
	return Brokenf(step, fmt.Sprint(want), "%v", got)
}

// Amount checks an amount that an answer tells. An amount that is absent is not zero.
func Amount(step string, got *sdk.Money, want sdk.Money) error {
	if got == nil {
		return Brokenf(step, want.String(), "no amount")
	}
	return Equal(step, *got, want)
}

// Nothing checks that the provider has heard nothing since the mark, not even a
// connection.
func (l *Lane) Nothing(step string, since Mark) error {
	if n := l.Heard(since); n > 0 {
		return Brokenf(step, "the provider to hear nothing", "%d requests or connections", n)
	}
	return nil
}
