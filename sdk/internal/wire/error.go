package wire

import (
	"errors"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// toError takes the cause across as words.
func toError(e *sdk.Error) *pb.Error {
	if e == nil {
		return nil
	}
	m := &pb.Error{
		Op:         string(e.Op),
		Code:       string(e.Code),
		Fields:     each(e.Fields, toFieldError),
		RetryAfter: toDuration(e.RetryAfter),
		Provider:   toProvider(e.Provider),
		Network:    toNetwork(e.Network),
	}
	if e.Err != nil {
		m.Message = toWords(e.Err.Error())
	}
	return m
}

// fromError keeps a code that it does not know, which means in doubt and still says
// what it was.
func fromError(m *pb.Error) *sdk.Error {
	if m == nil {
		return nil
	}
	e := &sdk.Error{
		Op:         sdk.Op(m.GetOp()),
		Code:       sdk.Code(m.GetCode()),
		Fields:     each(m.GetFields(), fromFieldError),
		RetryAfter: fromDuration(m.GetRetryAfter()),
		Provider:   fromProvider(m.GetProvider()),
		Network:    fromNetwork(m.GetNetwork()),
	}
	if m.GetMessage() != "" {
		e.Err = errors.New(m.GetMessage())
	}
	return e
}

func toFieldError(f sdk.FieldError) *pb.FieldError {
	return &pb.FieldError{Pointer: toWords(f.Pointer), Message: toWords(f.Message)}
}

func fromFieldError(m *pb.FieldError) sdk.FieldError {
	return sdk.FieldError{Pointer: m.GetPointer(), Message: m.GetMessage()}
}

func toProvider(p sdk.Provider) *pb.Provider {
	if p == (sdk.Provider{}) {
		return nil
	}
	return &pb.Provider{
		Status:     p.Status,
		Code:       p.Code,
		Message:    toWords(p.Message),
		HttpStatus: toInt32(p.HTTPStatus),
		RequestId:  p.RequestID,
	}
}

func fromProvider(m *pb.Provider) sdk.Provider {
	return sdk.Provider{
		Status:     m.GetStatus(),
		Code:       m.GetCode(),
		Message:    m.GetMessage(),
		HTTPStatus: int(m.GetHttpStatus()),
		RequestID:  m.GetRequestId(),
	}
}

func toNetwork(n *sdk.Network) *pb.Network {
	if n == nil {
		return nil
	}
	return &pb.Network{Scheme: n.Scheme, DeclineCode: n.DeclineCode, AdviceCode: n.AdviceCode}
}

func fromNetwork(m *pb.Network) *sdk.Network {
	if m == nil {
		return nil
	}
	return &sdk.Network{Scheme: m.GetScheme(), DeclineCode: m.GetDeclineCode(), AdviceCode: m.GetAdviceCode()}
}
