/** Types that modules share. For readers and editors only: the page never loads this file. */

/**
 * @typedef {object} Config
 * @property {"api"|"guest"} mode      ask the API, or S3 and DynamoDB directly as a Cognito guest
 * @property {string} [apiUrl]         mode api
 * @property {string} [apiKey]         mode api: a key for all visitors
 * @property {string} [region]         mode guest, like the next four
 * @property {string} [identityPoolId]
 * @property {string} [uploadBucket]
 * @property {string} [previewsBucket]
 * @property {string} [resultsTable]
 * @property {string} [uploadPrefix]
 * @property {Record<string, string>} [endpoints]  emulators: by service, `s3`, `dynamodb`, `cognito-identity`
 * @property {boolean} [canDelete]
 * @property {number} [minConfidence]  what the detectors leave out already
 * @property {number} [maxSizeBytes]
 * @property {string[]} [types]        content types that are taken
 */

/**
 * The page's view of a service.
 * @typedef {object} Backend
 * @property {boolean} canDelete  and relabel pictures
 * @property {string} [note]  what a visitor should know of this kind of access
 * @property {(file: File, options: {onProgress: (part: number) => void, signal: AbortSignal}) => Promise<string>} upload  gives the key
 * @property {(key: string, signal?: AbortSignal) => Promise<object|undefined>} result  undefined while it is pending
 * @property {(query: Query, signal?: AbortSignal) => Promise<{images: object[], cursor?: string, total?: number}>} images
 *   `total` on the first page, where it is known
 * @property {() => Promise<{name: string, count: number}[]>} labels
 * @property {(key: string, how?: {size?: 480|1600, flagged?: boolean}) => Promise<string>} imageUrl  of a preview, or the original
 * @property {(key: string) => Promise<void>} remove
 * @property {(key: string) => Promise<void>} relabel
 */

/**
 * The gallery's request.
 * @typedef {object} Query
 * @property {string[]} labels  all of them must match
 * @property {string[]} conditions  as the API's `q` has them; all of them must hold
 * @property {number} minConfidence
 * @property {"newest"|"confidence"|"taken"} order
 * @property {""|"LABELED"|"REJECTED"|"FAILED"} status  "" is all
 * @property {number} [limit]
 * @property {string} [cursor]
 */

export {};
