package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// merchant calls the HTTP API as a merchant's server would.
type merchant struct {
	url, token string
}

const merchantTimeout = 40 * time.Second

// call makes one request and decodes the answer into out, which may be nil. An answer
// of 400 or more is an error that shows it.
func (m *merchant) call(ctx context.Context, method, path string, body, out any) error {
	_, err := m.callAs(ctx, method, path, body, out, nil)
	return err
}

// callAs is call with more headers. It returns the status of the answer, 0 if there was
// none.
func (m *merchant) callAs(ctx context.Context, method, path string, body, out any, header http.Header) (int, error) {
	status, raw, err := m.do(ctx, method, path, body, header)
	if err != nil {
		return 0, err
	}
	if status >= http.StatusBadRequest {
		return status, fmt.Errorf("%s %s: %d %s", method, path, status, bytes.TrimSpace(raw))
	}
	if out == nil {
		return status, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return status, fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return status, nil
}

// do makes one request and returns the answer as it is.
func (m *merchant) do(ctx context.Context, method, path string, body any, header http.Header) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, merchantTimeout)
	defer cancel()
	var payload io.Reader
	switch body := body.(type) {
	case nil:
	case []byte:
		payload = bytes.NewReader(body)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("encoding the request: %w", err)
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, m.url+path, payload)
	if err != nil {
		return 0, nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+m.token)
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return res.StatusCode, raw, nil
}

// ensureService makes sure that there is one payment service for the definition
// "<name>-<name>" with the given fields. The secret fields are asked for only when a
// new one is made.
func (m *merchant) ensureService(ctx context.Context, name string, fields map[string]string, secrets func() map[string]string) error {
	definition := name + "-" + name
	var page struct {
		Items []struct {
			ID         string `json:"id"`
			Definition string `json:"payment_service_definition_id"`
		} `json:"items"`
	}
	if err := m.call(ctx, http.MethodGet, "/payment-services?limit=100", nil, &page); err != nil {
		return err
	}
	for _, s := range page.Items {
		if s.Definition == definition {
			return m.call(ctx, http.MethodPut, "/payment-services/"+s.ID, map[string]any{"fields": pairs(fields)}, nil)
		}
	}
	return m.call(ctx, http.MethodPost, "/payment-services", map[string]any{
		"display_name":                  "Smartpay (sandbox)",
		"payment_service_definition_id": definition,
		"accepted_currencies":           []string{"JPY"},
		"accepted_countries":            []string{"JP"},
		"fields":                        append(pairs(fields), pairs(secrets())...),
	}, nil)
}

func pairs(fields map[string]string) []map[string]string {
	list := []map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, map[string]string{"key": key, "value": fields[key]})
	}
	return list
}
