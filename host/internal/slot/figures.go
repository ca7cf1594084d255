package slot

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// operations are those that are counted, each apart: a provider may take a second for
// one and a hundredth of it for another.
var operations = [...]sdk.Operation{
	sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund, sdk.OpIncrement, sdk.OpFindPayment,
	sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook, sdk.OpCheckCredentials, sdk.OpTokenize,
	sdk.OpDeleteToken, sdk.OpZeroAuthorize,
}

// categories are what an error can be; the zero one is none.
var categories = [...]sdk.Category{
	"", sdk.CategoryValidation, sdk.CategoryCapability, sdk.CategoryState, sdk.CategoryIdempotency,
	sdk.CategoryAuthentication, sdk.CategoryCustomerAction, sdk.CategoryDeclineSoft, sdk.CategoryDeclineHard,
	sdk.CategoryRisk, sdk.CategoryCreditDecision, sdk.CategoryRateLimit, sdk.CategoryProviderUnavailable,
	sdk.CategoryProviderAmbiguous, sdk.CategoryIntegrity, sdk.CategoryWebhook, sdk.CategoryPlugin, sdk.CategoryUnmapped,
}

// A Count is how the calls of one operation have gone.
type Count struct {
	Calls   int64 // those that came back
	Unknown int64 // writes of which nobody knows whether they took effect
	Errors  [len(categories)]int64
	took    [buckets]int64
}

// Figures are how the calls on a route have gone, each operation apart.
type Figures [len(operations)]Count

// Total adds the operations up.
func (f Figures) Total() Count {
	var sum Count
	for _, c := range f {
		sum = sum.add(c, 1)
	}
	return sum
}

// Since returns what came after earlier, which are older figures of the same route.
func (f Figures) Since(earlier Figures) Figures {
	for i := range f {
		f[i] = f[i].add(earlier[i], -1)
	}
	return f
}

// Each calls with every operation that there were calls of.
func (f Figures) Each(with func(sdk.Operation, Count)) {
	for i, c := range f {
		if c.Calls > 0 {
			with(operations[i], c)
		}
	}
}

// Of returns how many calls failed with an error of one of these categories.
func (c Count) Of(wanted ...sdk.Category) int64 {
	var n int64
	for i, category := range categories {
		for _, w := range wanted {
			if w == category {
				n += c.Errors[i]
			}
		}
	}
	return n
}

// EachError calls with every category of errors that there were calls of.
func (c Count) EachError(with func(sdk.Category, int64)) {
	for i, n := range c.Errors {
		if n > 0 && categories[i] != "" {
			with(categories[i], n)
		}
	}
}

// Within returns a time within which so many percent of the calls came back, a quarter
// too long at most; 0 if there were none.
func (c Count) Within(percent int64) time.Duration {
	need := (c.Calls*percent + 99) / 100
	var seen int64
	for i, n := range c.took {
		if seen += n; n > 0 && seen >= need {
			return ceiling(i)
		}
	}
	return 0
}

func (c Count) add(other Count, sign int64) Count {
	c.Calls += sign * other.Calls
	c.Unknown += sign * other.Unknown
	for i := range c.Errors {
		c.Errors[i] += sign * other.Errors[i]
	}
	for i := range c.took {
		c.took[i] += sign * other.took[i]
	}
	return c
}

// Times are counted in buckets: four to each power of two of microseconds.
const buckets = 112

func bucket(took time.Duration) int {
	us := uint64(max(took.Microseconds(), 0))
	if us < 4 {
		return int(us)
	}
	power := bits.Len64(us) - 3
	return min(power*4+int(us>>power), buckets-1)
}

// ceiling is the time that every call in a bucket stayed below.
func ceiling(bucket int) time.Duration {
	if bucket < 8 {
		return time.Duration(bucket+1) * time.Microsecond
	}
	power := bucket/4 - 1
	return time.Duration((bucket-power*4+1)<<power) * time.Microsecond
}

// figures are Figures that are being counted. Counting takes no lock; reading while
// calls come back may miss a part of one.
type figures [len(operations)]struct {
	calls, unknown atomic.Int64
	errors         [len(categories)]atomic.Int64
	took           [buckets]atomic.Int64
}

func (f *figures) count(op sdk.Operation, outcome sdk.Outcome, err error, took time.Duration) {
	i := place(operations[:], op)
	if i < 0 {
		return
	}
	c := &f[i]
	if outcome == sdk.OutcomeUnknown {
		c.unknown.Add(1)
	}
	category := sdk.Category("")
	if err != nil {
		category = sdk.AsError(err).Category()
	}
	c.errors[max(place(categories[:], category), 0)].Add(1)
	c.took[bucket(took)].Add(1)
	c.calls.Add(1)
}

func (f *figures) read() Figures {
	var now Figures
	for i := range f {
		now[i].Calls, now[i].Unknown = f[i].calls.Load(), f[i].unknown.Load()
		for j := range f[i].errors {
			now[i].Errors[j] = f[i].errors[j].Load()
		}
		for j := range f[i].took {
			now[i].took[j] = f[i].took[j].Load()
		}
	}
	return now
}

func place[T comparable](list []T, wanted T) int {
	for i, v := range list {
		if v == wanted {
			return i
		}
	}
	return -1
}
