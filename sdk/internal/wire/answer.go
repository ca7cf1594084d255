package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func toAnswer(a sdk.Answer, err *sdk.Error) *pb.Answer {
	return &pb.Answer{
		Outcome:  toOutcome(a.Outcome),
		Amount:   toMoney(a.Amount),
		Provider: toProvider(a.Provider),
		Payment:  toSnapshot(a.Payment),
		Exchange: toExchange(a.Exchange),
		Error:    toError(err),
	}
}

// fromAnswer says what the message says, contradictions included; [settle] judges it.
func fromAnswer(m *pb.Answer) (sdk.Answer, *sdk.Error) {
	return sdk.Answer{
		Outcome:  fromOutcome(m.GetOutcome()),
		Amount:   fromMoney(m.GetAmount()),
		Provider: fromProvider(m.GetProvider()),
		Payment:  fromSnapshot(m.GetPayment()),
		Exchange: fromExchange(m.GetExchange()),
	}, fromError(m.GetError())
}

// toExchange treats all of a record as words: asking for one must never change what
// becomes of the answer.
func toExchange(x *sdk.Exchange) *pb.Exchange {
	if x == nil {
		return nil
	}
	return &pb.Exchange{
		Method:   toWords(x.Method),
		Url:      toWords(x.URL),
		Status:   toInt32(x.Status),
		Request:  toWords(x.Request),
		Response: toWords(x.Response),
	}
}

func fromExchange(m *pb.Exchange) *sdk.Exchange {
	if m == nil {
		return nil
	}
	return &sdk.Exchange{
		Method:   m.GetMethod(),
		URL:      m.GetUrl(),
		Status:   int(m.GetStatus()),
		Request:  m.GetRequest(),
		Response: m.GetResponse(),
	}
}

func toNext(n *sdk.Next) *pb.Next {
	if n == nil {
		return nil
	}
	return &pb.Next{RedirectUrl: n.RedirectURL, ExpiresAt: toTime(n.ExpiresAt)}
}

func fromNext(m *pb.Next) *sdk.Next {
	if m == nil {
		return nil
	}
	return &sdk.Next{RedirectURL: m.GetRedirectUrl(), ExpiresAt: fromTime(m.GetExpiresAt())}
}
