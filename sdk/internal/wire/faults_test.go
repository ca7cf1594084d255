package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

const broken = "\xc3\x28"

func TestFaultsNamesWhatCannotTravel(t *testing.T) {
	tests := map[string]struct {
		message proto.Message
		want    []string
	}{
		"nothing wrong":   {toAuthorize(full[sdk.AuthorizeRequest]()), nil},
		"an empty one":    {&pb.AuthorizeRequest{}, nil},
		"a field":         {&pb.AuthorizeRequest{Country: broken}, []string{"/country"}},
		"a nested field":  {&pb.VoidRequest{Call: &pb.Call{Reference: broken}}, []string{"/call/reference"}},
		"a field in list": {&pb.AuthorizeRequest{CartItems: []*pb.CartItem{{}, {Name: broken}}}, []string{"/cart_items/1/name"}},
		"a string in list": {
			&pb.AuthorizeRequest{CartItems: []*pb.CartItem{{Categories: []string{"ok", broken}}}},
			[]string{"/cart_items/0/categories/1"},
		},
		"a value in a map": {&pb.AuthorizeRequest{Metadata: map[string]string{"a/b~c": broken}}, []string{"/metadata/a~1b~0c"}},
		"a key of a map":   {&pb.AuthorizeRequest{Metadata: map[string]string{"k\xff": "v"}}, []string{"/metadata/k\uFFFD"}},
		"a secret": {
			&pb.VoidRequest{Call: &pb.Call{Account: &pb.Account{Secrets: map[string]string{"key": broken}}}},
			[]string{"/call/account/secrets/key"},
		},
		"a header": {
			&pb.ReadWebhookRequest{Headers: map[string]*pb.Values{"X-Sig": {Values: []string{broken}}}},
			[]string{"/headers/X-Sig/0"},
		},
		"several, in order": {
			&pb.AuthorizeRequest{Method: broken, Country: broken, Locale: broken},
			[]string{"/country", "/locale", "/method"},
		},
		"a time too late":  {createdIn(10000), []string{"/created_at"}},
		"a time too early": {createdIn(0), []string{"/created_at"}},
		"a time with too many nanoseconds": {
			&pb.FindPaymentRequest{CreatedAt: &timestamppb.Timestamp{Nanos: 2_000_000_000}}, []string{"/created_at"},
		},
		"a length with two signs": {
			&pb.ReadWebhookRequest{Tolerance: &durationpb.Duration{Seconds: 1, Nanos: -1}}, []string{"/tolerance"},
		},
		"a time in an answer": {
			&pb.VoidResponse{Answer: &pb.Answer{Payment: &pb.Snapshot{ExpiresAt: &timestamppb.Timestamp{Nanos: -1}}}},
			[]string{"/payment/expires_at"},
		},
		"bytes are only bytes": {&pb.ReadWebhookRequest{Body: []byte(broken)}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range faults(tt.message) {
				got = append(got, f.Pointer)
				if strings.Contains(f.Message, broken) {
					t.Errorf("the message gives the value away: %q", f.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pointers (-want +got):\n%s", diff)
			}
		})
	}
}

func createdIn(year int) *pb.FindPaymentRequest {
	return &pb.FindPaymentRequest{CreatedAt: timestamppb.New(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))}
}

// TestFaultsAndMarshalAgree: exactly what proto refuses to encode is a fault, times
// aside, which proto encodes and nobody can use.
func TestFaultsAndMarshalAgree(t *testing.T) {
	text := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 3), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		m := &pb.AuthorizeRequest{
			Country:   text.Draw(t, "country"),
			Metadata:  map[string]string{text.Draw(t, "key"): text.Draw(t, "value")},
			Buyer:     &pb.Buyer{DisplayName: text.Draw(t, "name")},
			CartItems: []*pb.CartItem{{Sku: text.Draw(t, "sku")}},
		}
		_, err := proto.Marshal(m)
		if bad := faults(m); (bad != nil) != (err != nil) {
			t.Fatalf("faults = %v, Marshal: %v", bad, err)
		}
	})
}
