package wire

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/connectorhost/connectorhost/sdk"
)

// failure says what a call that gRPC reports as failed means. sent is false only with
// proof that the request never left.
func failure(ctx context.Context, op sdk.Op, sent bool, err error) *sdk.Error {
	st := status.Convert(err)
	code := classify(sent, ctx.Err() != nil, st.Code(), errors.Is(err, io.EOF))
	if code == sdk.CodeInvalidField {
		return &sdk.Error{Op: op, Code: code, Fields: []sdk.FieldError{
			{Pointer: "", Message: fmt.Sprintf("the request must be at most %d bytes", MaxRequest)},
		}}
	}
	if code == sdk.CodeExpiredInQueue || code == sdk.CodePluginDeadline {
		return sdk.Errorf(op, code, "%w (%s)", why(ctx), clip(st.Message()))
	}
	return sdk.Errorf(op, code, "%s: %s", st.Code(), clip(st.Message()))
}

// why is what ended a call that ran out of time: the caller's reason, or the deadline
// where the other side noticed it first.
func why(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return context.DeadlineExceeded
}

// classify judges by what left the process first and by gRPC's code second. It never
// reads text.
func classify(sent, done bool, code codes.Code, eof bool) sdk.Code {
	switch {
	case !sent && (done || code == codes.DeadlineExceeded):
		return sdk.CodeExpiredInQueue
	case !sent && code == codes.ResourceExhausted:
		return sdk.CodeInvalidField
	case !sent:
		return sdk.CodePluginUnavailable
	case done, code == codes.DeadlineExceeded:
		return sdk.CodePluginDeadline
	case code == codes.Unavailable, code == codes.Canceled, eof:
		return sdk.CodePluginCrash
	}
	return sdk.CodePluginMalformed
}

// clip bounds what the other side can make an error say.
func clip(s string) string {
	const most = 1000
	if len(s) <= most {
		return s
	}
	return toWords(s[:most]) + "…"
}
