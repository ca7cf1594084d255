package wire

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func TestAnAbsentAmountStaysAbsent(t *testing.T) {
	if got := toMoney(nil); got != nil {
		t.Errorf("toMoney(nil) = %v, want nil", got)
	}
	if got := fromMoney(nil); got != nil {
		t.Errorf("fromMoney(nil) = %v, want nil", got)
	}
	zero := sdk.JPY(0)
	if got := fromMoney(toMoney(&zero)); got == nil || *got != zero {
		t.Errorf("an amount of zero arrived as %v", got)
	}
}

// TestAnAbsentAmountInARequestIsNotZeroYen: the schemas refuse money in no currency.
func TestAnAbsentAmountInARequestIsNotZeroYen(t *testing.T) {
	if got := fromCapture(&pb.CaptureRequest{}).Amount; got != (sdk.Money{}) {
		t.Errorf("amount = %v, want no money in no currency", got)
	}
}

func TestToInt32StopsAtTheLimits(t *testing.T) {
	tests := map[string]struct {
		n    int
		want int32
	}{
		"nothing":              {0, 0},
		"an HTTP status":       {503, 503},
		"the largest":          {math.MaxInt32, math.MaxInt32},
		"one more":             {math.MaxInt32 + 1, math.MaxInt32},
		"far more":             {math.MaxInt64, math.MaxInt32},
		"the smallest":         {math.MinInt32, math.MinInt32},
		"less":                 {math.MinInt64, math.MinInt32},
		"wraps around to zero": {1 << 32, math.MaxInt32},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := toInt32(tt.n); got != tt.want {
				t.Errorf("toInt32(%d) = %d, want %d", tt.n, got, tt.want)
			}
		})
	}
}

func TestTimesArriveInUTC(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	at := time.Date(2026, 11, 23, 9, 30, 0, 123456789, tokyo)
	got := fromTime(toTime(at))
	if !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("%v arrived as %v, want the same moment in UTC", at, got)
	}
}

func TestTheZeroTimeIsAbsent(t *testing.T) {
	if got := toTime(time.Time{}.In(time.FixedZone("JST", 9*60*60))); got != nil {
		t.Errorf("toTime of the zero time = %v, want nil", got)
	}
	if got := fromTime(nil); !got.IsZero() {
		t.Errorf("fromTime(nil) = %v, want the zero time", got)
	}
	if got := fromTime(&timestamppb.Timestamp{}); got.IsZero() || got.Unix() != 0 {
		t.Errorf("the epoch arrived as %v", got)
	}
}

func TestALengthBeyondGoIsTheLongest(t *testing.T) {
	if got := fromDuration(&durationpb.Duration{Seconds: 300 * 365 * 24 * 60 * 60}); got != math.MaxInt64 {
		t.Errorf("300 years arrived as %v", got)
	}
}

func TestWordsAreMadeFitToTravel(t *testing.T) {
	shiftJIS := "\x8e\x63\x8d\x82\x95\x73\x91\xab" // what a Japanese bank may send
	e := &sdk.Error{
		Code:     sdk.CodeInsufficientFunds,
		Fields:   []sdk.FieldError{{Pointer: "/\xff", Message: shiftJIS}},
		Provider: sdk.Provider{Message: shiftJIS},
	}
	res := sdk.RefundResult{Answer: sdk.Answer{
		Outcome:  sdk.OutcomeDeclined,
		Exchange: &sdk.Exchange{Method: "\xff", URL: "\xff", Request: "\xff", Response: shiftJIS},
	}}
	if bad := faults(toRefunded(res, e)); bad != nil {
		t.Errorf("words that decide nothing make the answer unreadable: %v", bad)
	}
}

func TestIdentitiesAreNotTouched(t *testing.T) {
	const ref = "order\xff1"
	want := []sdk.FieldError{{Pointer: "/order", Message: "must be valid UTF-8"}}
	if diff := cmp.Diff(want, faults(toAuthorized(sdk.AuthorizeResult{Order: ref}, nil))); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
