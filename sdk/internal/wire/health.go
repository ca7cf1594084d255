package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// opHealth names the call in errors; it is no operation that a connector may lack.
const opHealth sdk.Operation = "health"

var healthMethod = method[struct{}, sdk.Health, *pb.HealthRequest, *pb.HealthResponse]{
	op:           opHealth,
	name:         pb.Connector_Health_FullMethodName,
	toRequest:    func(struct{}) *pb.HealthRequest { return &pb.HealthRequest{} },
	fromRequest:  func(*pb.HealthRequest) struct{} { return struct{}{} },
	newResponse:  fresh[pb.HealthResponse],
	toResponse:   toHealth,
	fromResponse: fromHealth,
}

func toHealth(h sdk.Health, err *sdk.Error) *pb.HealthResponse {
	return &pb.HealthResponse{Serving: h.Serving, Reason: toWords(h.Reason), Error: toError(err)}
}

func fromHealth(m *pb.HealthResponse) (sdk.Health, *sdk.Error) {
	return sdk.Health{Serving: m.GetServing(), Reason: m.GetReason()}, fromError(m.GetError())
}
