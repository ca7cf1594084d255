package webhook

import (
	"encoding/hex"
	"testing"
	"time"
)

// The vectors are those of the provider's own client suites (smartpay-api.md §9.5).
func TestSignKnownVectors(t *testing.T) {
	const secret = "gybcsjixKyBW2d4z6iNPlaYzHUMtawnodwZt3W0q"
	const body = `{"id":"evt_test_dwPfFKu5iSEKyHR2LFj9Lx","object":"event","createdAt":1653028523052,"test":true,` +
		`"eventData":{"type":"payment.created","version":"2022-02-18","data":{"id":"payment_test_35LxgmF5KM22XKG38BjpJg",` +
		`"object":"payment","test":true,"createdAt":1653028523020,"updatedAt":1653028523020,"amount":200,"currency":"JPY",` +
		`"order":"order_test_RiYq2rthzRHrkKVGeucSwn","reference":"order_ref_1234567","status":"processed","metadata":{}}}}`
	signature, timestamp, err := Sign(secret, time.UnixMilli(1653028612220), []byte(body))
	if err != nil || timestamp != "1653028612220" ||
		signature != "68007ada8485ea0ceca7c5e879ae860a50412b7af95ab8e81b32a3e13f3c0832" {
		t.Errorf("Sign = %s, %s, %v", signature, timestamp, err)
	}
	key, err := Key(secret)
	if got := hex.EncodeToString(key); err != nil || got != "260d2907ea2fcd7a83ca52e8c1c98a012423eaddde8a8cf03fb3163d6d92" {
		t.Errorf("Key = %s, %v", got, err)
	}
	key, err = Key("MOCKSECRETKEY")
	if err != nil || len(key) != 10 {
		t.Fatalf("Key = %x, %v; want 10 bytes", key, err)
	}
	if got := sum(key, []byte("test data")); got != "ae82b27dd6dafd0dbfc65faff07160833776cf60915782ef991557e51e4d1782" {
		t.Errorf("sum = %s", got)
	}
}

func TestKey(t *testing.T) {
	for secret, want := range map[string]string{"": "", "A": "00", "AAB": "000001", "9": "3d", "BA": "3e", "AABA": "00003e"} {
		if key, err := Key(secret); err != nil || hex.EncodeToString(key) != want {
			t.Errorf("Key(%q) = %x, %v; want %s", secret, key, err, want)
		}
	}
	if key, err := Key("abc-def"); err == nil {
		t.Errorf("Key took a hyphen: %x", key)
	}
}
