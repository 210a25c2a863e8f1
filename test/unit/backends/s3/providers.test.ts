import { expect, test } from 'vitest';
import { S3_PROVIDERS, endpointOf, providerOfEndpoint, s3Preset } from '../../../../src/backends/s3/providers.ts';

test('every provider has a preset, under its other names too', () => {
  for (const provider of S3_PROVIDERS) expect(s3Preset(provider)?.provider).toBe(provider);
  expect(['b2', 'r2', 's3d', 'minio'].map((name) => s3Preset(name)?.provider)).toEqual([
    'backblaze', 'cloudflare', 'sia', 'other',
  ]); // prettier-ignore
  for (const name of ['', 'B2', 'toString', 'constructor']) expect(s3Preset(name)).toBe(null);
});

test.for([
  ['aws', 'eu-west-1', undefined],
  ['backblaze', 'eu-central-003', 'https://s3.eu-central-003.backblazeb2.com'],
  ['backblaze', undefined, null],
  ['wasabi', undefined, 'https://s3.us-east-1.wasabisys.com'],
  ['storj', undefined, 'https://gateway.storjshare.io'],
  ['cloudflare', undefined, null],
  ['garage', undefined, null],
] as const)('the endpoint of %s in region %s', ([name, region, endpoint]) => {
  const preset = s3Preset(name);
  expect(preset).not.toBe(null);
  if (preset !== null) expect(endpointOf(preset, region)).toBe(endpoint);
});

test.for([
  ['https://s3.eu-central-003.backblazeb2.com', 'backblaze'],
  ['https://s3.eu-west-1.amazonaws.com', 'aws'],
  ['https://s3.cn-north-1.amazonaws.com.cn', 'aws'],
  ['https://0123.r2.cloudflarestorage.com', 'cloudflare'],
  ['https://gateway.storjshare.io/', 'storj'],
  ['https://s3.filebase.com', 'filebase'],
  ['https://o3-rc2.akave.xyz', 'akave'],
  ['http://127.0.0.1:3900', 'other'],
  ['https://backblazeb2.com.example.org', 'other'],
  ['https://notwasabisys.com', 'other'],
  ['no url', 'other'],
] as const)('the provider of %s is %s', ([endpoint, provider]) => {
  expect(providerOfEndpoint(endpoint)).toBe(provider);
});

test('an endpoint that a preset gives is recognised as its own', () => {
  for (const provider of S3_PROVIDERS) {
    const preset = s3Preset(provider);
    const endpoint = preset === null ? null : endpointOf(preset, 'eu-central-1');
    if (typeof endpoint === 'string') expect(providerOfEndpoint(endpoint)).toBe(provider);
  }
});
