package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func toSnapshot(s *sdk.Snapshot) *pb.Snapshot {
	if s == nil {
		return nil
	}
	return &pb.Snapshot{
		Order:      string(s.Order),
		Reference:  string(s.Reference),
		State:      toState(s.State),
		Authorized: toMoney(s.Authorized),
		Captured:   toMoney(s.Captured),
		Released:   toMoney(s.Released),
		Refunded:   toMoney(s.Refunded),
		Captures:   each(s.Captures, toCaptureSnapshot),
		Refunds:    each(s.Refunds, toRefundSnapshot),
		ExpiresAt:  toTime(s.ExpiresAt),
		Revision:   s.Revision,
		Provider:   toProvider(s.Provider),
	}
}

func fromSnapshot(m *pb.Snapshot) *sdk.Snapshot {
	if m == nil {
		return nil
	}
	s := fromObservation(m)
	return &s
}

func toObservation(s sdk.Snapshot) *pb.Snapshot { return toSnapshot(&s) }

func fromObservation(m *pb.Snapshot) sdk.Snapshot {
	return sdk.Snapshot{
		Order:      sdk.OrderRef(m.GetOrder()),
		Reference:  sdk.Reference(m.GetReference()),
		State:      fromState(m.GetState()),
		Authorized: fromMoney(m.GetAuthorized()),
		Captured:   fromMoney(m.GetCaptured()),
		Released:   fromMoney(m.GetReleased()),
		Refunded:   fromMoney(m.GetRefunded()),
		Captures:   each(m.GetCaptures(), fromCaptureSnapshot),
		Refunds:    each(m.GetRefunds(), fromRefundSnapshot),
		ExpiresAt:  fromTime(m.GetExpiresAt()),
		Revision:   m.GetRevision(),
		Provider:   fromProvider(m.GetProvider()),
	}
}

func toCaptureSnapshot(c sdk.CaptureSnapshot) *pb.CaptureSnapshot {
	return &pb.CaptureSnapshot{
		Ref:       string(c.Ref),
		Operation: string(c.Operation),
		Amount:    toMoney(c.Amount),
		Status:    toMove(c.Status),
		At:        toTime(c.At),
		Provider:  toProvider(c.Provider),
	}
}

func fromCaptureSnapshot(m *pb.CaptureSnapshot) sdk.CaptureSnapshot {
	return sdk.CaptureSnapshot{
		Ref:       sdk.CaptureRef(m.GetRef()),
		Operation: sdk.OperationID(m.GetOperation()),
		Amount:    fromMoney(m.GetAmount()),
		Status:    fromMove(m.GetStatus()),
		At:        fromTime(m.GetAt()),
		Provider:  fromProvider(m.GetProvider()),
	}
}

func toRefundSnapshot(r sdk.RefundSnapshot) *pb.RefundSnapshot {
	return &pb.RefundSnapshot{
		Ref:       string(r.Ref),
		Capture:   string(r.Capture),
		Operation: string(r.Operation),
		Amount:    toMoney(r.Amount),
		Status:    toMove(r.Status),
		At:        toTime(r.At),
		Provider:  toProvider(r.Provider),
	}
}

func fromRefundSnapshot(m *pb.RefundSnapshot) sdk.RefundSnapshot {
	return sdk.RefundSnapshot{
		Ref:       sdk.RefundRef(m.GetRef()),
		Capture:   sdk.CaptureRef(m.GetCapture()),
		Operation: sdk.OperationID(m.GetOperation()),
		Amount:    fromMoney(m.GetAmount()),
		Status:    fromMove(m.GetStatus()),
		At:        fromTime(m.GetAt()),
		Provider:  fromProvider(m.GetProvider()),
	}
}
