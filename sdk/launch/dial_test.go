package launch

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestBrokerIsNeverOpened(t *testing.T) {
	opened := errors.New("opened")
	stream := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		return nil, opened
	}
	if _, err := noBroker(t.Context(), nil, nil, "/plugin.GRPCBroker/StartStream", stream); status.Code(err) != codes.Unimplemented {
		t.Errorf("the broker's stream gives %v, want %v", err, codes.Unimplemented)
	}
	if _, err := noBroker(t.Context(), nil, nil, "/plugin.GRPCStdio/StreamStdio", stream); !errors.Is(err, opened) {
		t.Errorf("another stream gives %v, want it opened", err)
	}
}

func TestNobodyDialsTheDead(t *testing.T) {
	d := newDialer()
	d.close()
	if _, err := d.dial(t.Context(), ""); !errors.Is(err, errExited) {
		t.Errorf("dialling after close gives %v, want %v", err, errExited)
	}
}
