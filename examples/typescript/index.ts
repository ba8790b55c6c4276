import * as labelstack from "@pulumi/labelstack";

const pictures = new labelstack.UploadBucket("pictures", { protectData: false, expirationDays: 30 });
const results = new labelstack.ResultsStore("results", { protectData: false });
const documents = new labelstack.ResultsBucket("documents", { protectData: false });
const announcements = new labelstack.Notifications("announcements", { filterPolicy: { status: ["REJECTED", "FAILED"] } });
const bucket = { name: pictures.name, arn: pictures.arn };
const table = { name: results.name, arn: results.arn };
const labels = new labelstack.ImageProcessor("labels", {
    bucket,
    table,
    resultsBucket: { name: documents.name, arn: documents.arn },
    topic: { arn: announcements.topicArn },
    detectors: ["labels", "faces"],
});
const api = new labelstack.LabelApi("api", { bucket, table, access: "api_key" });
new labelstack.Monitoring("alarms", {
    pipeline: {
        service: labels.service,
        queueName: labels.queueName,
        deadLetterQueueName: labels.deadLetterQueueName,
        functionName: labels.functionName,
        failureRecorderName: labels.failureRecorderName,
        detectors: ["labels", "faces"],
    },
    api: { kind: "rest", metricDimensions: api.metricDimensions, functionNames: api.functionNames },
    dailyCostBoundUsd: 5,
});

export const uploadBucket = pictures.name;
export const url = api.url;
