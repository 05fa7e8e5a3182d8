"""CloudTrail resources: what an AWS call touched, from what its service names.

A call names its resource in `resources`, in its parameters, or not at all.
What holds records (a bucket, a table, a secret) is also the dataset.
"""

from __future__ import annotations

from operator import attrgetter

from ombud.collect.cloudtrail_record import Call, RequestParameters

# service: (parameter, CloudFormation type, whether it is a body of records), most telling first.
_PARAMETERS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "dynamodb": (("tableName", "AWS::DynamoDB::Table", True),),
    "secretsmanager": (("secretId", "AWS::SecretsManager::Secret", True),
                       ("name", "AWS::SecretsManager::Secret", True)),
    "ssm": (("name", "AWS::SSM::Parameter", True), ("instanceId", "AWS::EC2::Instance", False),
            ("target", "AWS::EC2::Instance", False)),
    "kms": (("keyId", "AWS::KMS::Key", False),),
    "iam": (("userName", "AWS::IAM::User", False), ("roleName", "AWS::IAM::Role", False),
            ("groupName", "AWS::IAM::Group", False), ("policyArn", "AWS::IAM::Policy", False)),
    "sts": (("roleArn", "AWS::IAM::Role", False), ("name", "AWS::IAM::User", False)),
    "lambda": (("functionName", "AWS::Lambda::Function", False),),
    "ec2": (("instanceId", "AWS::EC2::Instance", False),
            ("snapshotId", "AWS::EC2::Snapshot", True), ("imageId", "AWS::EC2::Image", False),
            ("volumeId", "AWS::EC2::Volume", True), ("groupId", "AWS::EC2::SecurityGroup", False),
            ("vpcId", "AWS::EC2::VPC", False)),
    "rds": (("dBInstanceIdentifier", "AWS::RDS::DBInstance", True),
            ("dBClusterIdentifier", "AWS::RDS::DBCluster", True),
            ("dBSnapshotIdentifier", "AWS::RDS::DBSnapshot", True)),
    "rds-data": (("database", "AWS::RDS::Database", True),),
    "redshift": (("clusterIdentifier", "AWS::Redshift::Cluster", True),),
    "redshift-data": (("database", "AWS::Redshift::Database", True),
                      ("clusterIdentifier", "AWS::Redshift::Cluster", True)),
    "logs": (("logGroupName", "AWS::Logs::LogGroup", True),),
    "cloudtrail": (("trailName", "AWS::CloudTrail::Trail", True),
                   ("name", "AWS::CloudTrail::Trail", True)),
    "kinesis": (("streamName", "AWS::Kinesis::Stream", True),),
    "sqs": (("queueUrl", "AWS::SQS::Queue", True),),
    "sns": (("topicArn", "AWS::SNS::Topic", True),),
    "ecr": (("repositoryName", "AWS::ECR::Repository", True),),
    "codecommit": (("repositoryName", "AWS::CodeCommit::Repository", True),),
    "athena": (("database", "AWS::Glue::Database", True),
               ("workGroup", "AWS::Athena::WorkGroup", False)),
    "glue": (("tableName", "AWS::Glue::Table", True), ("databaseName", "AWS::Glue::Database", True),
             ("name", "AWS::Glue::Table", True)),
}  # fmt: skip
_BY_SOURCE = {
    f"{service}.amazonaws.com": tuple(
        (attrgetter(parameter), kind, is_dataset) for parameter, kind, is_dataset in rows
    )
    for service, rows in _PARAMETERS.items()
}
_S3 = "s3.amazonaws.com"
Touched = tuple[str | None, str | None, str | None, str | None]
NOTHING: Touched = (None, None, None, None)


def _s3(parameters: RequestParameters) -> Touched:
    bucket = parameters.bucketName
    if bucket is None:
        return NOTHING
    if parameters.key:
        return bucket, f"arn:aws:s3:::{bucket}/{parameters.key}", "AWS::S3::Object", None
    return bucket, f"arn:aws:s3:::{bucket}", "AWS::S3::Bucket", None


def touched(record: Call) -> Touched:
    """Return dataset, id, type and owner of what a record says was touched."""
    dataset = identity = kind = owner = None
    parameters = record.requestParameters
    source = record.eventSource
    if parameters is not None:
        if source == _S3:
            dataset, identity, kind, owner = _s3(parameters)
        else:
            for value_of, name, is_dataset in _BY_SOURCE.get(source or "", ()):
                value = value_of(parameters)
                if value is not None:
                    identity, kind = value, name
                    if is_dataset:
                        dataset = value
                    break
    resources = record.resources
    if resources:
        first = resources[0]
        for resource in resources:
            if resource.type == "AWS::S3::Object" or (first.ARN is None and resource.ARN):
                first = resource
                break
        identity = first.ARN or identity
        kind = first.type or kind
        owner = first.accountId or resources[-1].accountId
    return dataset, identity, kind, owner
