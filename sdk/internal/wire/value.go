package wire

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// toMoney keeps an absent amount absent: a missing amount is unknown, never zero.
func toMoney(m *sdk.Money) *pb.Money {
	if m == nil {
		return nil
	}
	return &pb.Money{Minor: m.Minor, Currency: string(m.Currency)}
}

func fromMoney(m *pb.Money) *sdk.Money {
	if m == nil {
		return nil
	}
	amount := fromAmount(m)
	return &amount
}

// fromAmount reads an amount that a request must have. An absent one becomes the zero
// Money, which has no currency and so passes no schema.
func fromAmount(m *pb.Money) sdk.Money {
	return sdk.Money{Minor: m.GetMinor(), Currency: sdk.Currency(m.GetCurrency())}
}

// toTime takes the zero time to absence. A year that proto cannot express is found by
// [faults] before the message is used.
func toTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func fromTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func toDuration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// fromDuration takes what exceeds 292 years to the longest time.Duration there is.
func fromDuration(d *durationpb.Duration) time.Duration { return d.AsDuration() }

// toInt32 takes counts and statuses to the wire. Beyond what an int32 holds it stops
// at the limit: to an attempt number, a limit on items or an HTTP status, two billion
// and more say the same.
func toInt32(n int) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, n)))
}

// toWords makes text for people fit to travel. Words decide nothing, so a stray byte
// in them must not turn an answer about money into an unreadable one; everything that
// does decide something goes unchanged, and [faults] judges it.
func toWords(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func toStrings[S ~string](list []S) []string {
	return each(list, func(s S) string { return string(s) })
}

func fromStrings[S ~string](list []string) []S {
	return each(list, func(s string) S { return S(s) })
}

// each converts a list. Nothing and an empty list are the same on the wire, so both
// become nil.
func each[From, To any](list []From, convert func(From) To) []To {
	if len(list) == 0 {
		return nil
	}
	out := make([]To, len(list))
	for i, item := range list {
		out[i] = convert(item)
	}
	return out
}

// eachValue converts a map; both nothing and an empty map become nil.
func eachValue[K1, K2 ~string, From, To any](m map[K1]From, convert func(From) To) map[K2]To {
	if len(m) == 0 {
		return nil
	}
	out := make(map[K2]To, len(m))
	for key, value := range m {
		out[K2(key)] = convert(value)
	}
	return out
}

func same[T any](v T) T { return v }
